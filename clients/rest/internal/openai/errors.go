package openai

import (
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"

	"triphase.dev/clients/rest/internal/gateway"
)

const unknownModel = "CALLER_UNKNOWN_MODEL"

// The `type` of an error, by which clients of the OpenAI API choose their exceptions besides the HTTP status.
var kinds = map[codes.Code]string{
	codes.InvalidArgument:    "invalid_request_error",
	codes.FailedPrecondition: "invalid_request_error",
	codes.NotFound:           "invalid_request_error",
	codes.PermissionDenied:   "invalid_request_error",
	codes.Unimplemented:      "invalid_request_error",
	codes.Unauthenticated:    "authentication_error",
	codes.ResourceExhausted:  "rate_limit_error",
}

// namer gives names of ours the words that an endpoint has for them.
type namer = strings.Replacer

var (
	chatNames = strings.NewReplacer(
		"sampling.", "", "reasoning.effort", "reasoning_effort", "reasoning.max_tokens", "thinking_token_budget", "max_output_tokens", "max_completion_tokens",
		"extra_body.", "", "client_request_id", "metadata", "affinity_key", "prompt_cache_key",
	)
	responsesNames = strings.NewReplacer(
		"sampling.", "", "messages", "input", "reasoning.max_tokens", "thinking_token_budget", "response_format", "text.format", "extra_body.verbosity", "text.verbosity",
		"extra_body.", "", "client_request_id", "metadata", "affinity_key", "prompt_cache_key",
	)
)

func errorObject(failure gateway.Failure, names *namer) object {
	kind, ok := kinds[failure.Code]
	if !ok {
		kind = "server_error"
	}
	var code, parameter any
	switch {
	case failure.Reason == unknownModel:
		code, parameter = "model_not_found", "model"
	case failure.Reason != "":
		code = failure.Reason
	}
	message := failure.Message
	if len(failure.Violations) > 0 {
		first := failure.Violations[0]
		name := names.Replace(first.Field)
		parameter = name
		if !strings.Contains(message, first.Description) {
			message += ": " + name + " " + first.Description
		}
	}
	return object{"error": object{"message": message, "type": kind, "param": parameter, "code": code}}
}

func writeFailure(w http.ResponseWriter, failure gateway.Failure, names *namer) {
	failure.SetRetryAfter(w.Header())
	writeJSON(w, failure.HTTPStatus(), errorObject(failure, names))
}

// Refuse writes an error of our own as the OpenAI API does.
func Refuse(w http.ResponseWriter, _ *http.Request, httpStatus int, message string) {
	writeJSON(w, httpStatus, object{"error": object{
		"message": message, "type": "invalid_request_error", "param": nil, "code": nil,
	}})
}

// wrong is a field of a request that cannot be honoured; its name is the caller's.
type wrong struct{ field, description string }

func (w wrong) Error() string { return w.field + " " + w.description }

func refuseField(w http.ResponseWriter, err wrong) {
	writeJSON(w, http.StatusBadRequest, object{"error": object{
		"message": err.Error(), "type": "invalid_request_error", "param": err.field, "code": gateway.InvalidRequest,
	}})
}
