// Package openai is a facade in the form of the OpenAI API: an existing client switches by its base URL alone.
//
// serving.go answers a request. For each endpoint, …_fields.go is the table of what it may say, and …_answer.go makes of
// events what it tells; conversation.go and responses_input.go read who said what.
package openai

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	pb "triphase.dev/clients/go/gatewayv1"
	"triphase.dev/clients/rest/internal/gateway"
)

type object = map[string]any

const modelsTimeout = 10 * time.Second

// Facade answers under /v1/.
type facade struct{ client pb.GatewayServiceClient }

// New serves /v1/.
func New(conn grpc.ClientConnInterface) http.Handler {
	f := &facade{client: pb.NewGatewayServiceClient(conn)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", f.serve(chat))
	mux.HandleFunc("POST /v1/responses", f.serve(responses))
	mux.HandleFunc("GET /v1/models", f.models)
	mux.HandleFunc("GET /v1/models/{id...}", f.model)
	mux.HandleFunc("/v1/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		httpStatus, message := http.StatusNotFound, "unknown request URL: "+r.Method+" "+r.URL.Path
		if allow, ok := allowed[r.URL.Path]; ok {
			w.Header().Set("Allow", allow)
			httpStatus, message = http.StatusMethodNotAllowed, "this path takes "+allow
		}
		Refuse(w, r, httpStatus, message)
	})
	return mux
}

var allowed = map[string]string{"/v1/chat/completions": "POST", "/v1/responses": "POST", "/v1/models": "GET, HEAD"}

// outgoing passes the caller's key and trace on.
func outgoing(r *http.Request) context.Context {
	ctx := r.Context()
	for _, name := range []string{"authorization", "traceparent", "tracestate"} {
		if value := r.Header.Get(name); value != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, name, value)
		}
	}
	return ctx
}

func (f *facade) list(r *http.Request) ([]object, error) {
	ctx, cancel := context.WithTimeout(outgoing(r), modelsTimeout)
	defer cancel()
	answer, err := f.client.ListModels(ctx, &pb.ListModelsRequest{})
	if err != nil {
		return nil, err
	}
	models := []object{}
	for _, model := range answer.GetModels() {
		efforts := []string{}
		for _, effort := range model.GetEfforts() {
			efforts = append(efforts, effortName(effort))
		}
		models = append(models, object{
			"id": model.GetName(), "object": "model", "created": 0, "owned_by": "triphase",
			"triphase": object{"efforts": efforts, "reasons": model.GetReasons()},
		})
	}
	return models, nil
}

func (f *facade) models(w http.ResponseWriter, r *http.Request) {
	models, err := f.list(r)
	if err != nil {
		writeFailure(w, gateway.FailureOf(err), chatNames)
		return
	}
	writeJSON(w, http.StatusOK, object{"object": "list", "data": models})
}

func (f *facade) model(w http.ResponseWriter, r *http.Request) {
	models, err := f.list(r)
	if err != nil {
		writeFailure(w, gateway.FailureOf(err), chatNames)
		return
	}
	for _, model := range models {
		if model["id"] == r.PathValue("id") {
			writeJSON(w, http.StatusOK, model)
			return
		}
	}
	unknown := gateway.Refuse(codes.NotFound, "the model does not exist: /v1/models lists those that do")
	unknown.Reason = unknownModel
	writeFailure(w, unknown, chatNames)
}

func effortName(effort pb.ReasoningEffort) string {
	return strings.ToLower(strings.TrimPrefix(effort.String(), "REASONING_EFFORT_"))
}

func writeJSON(w http.ResponseWriter, httpStatus int, value object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(httpStatus)
	_, _ = io.WriteString(w, encoded(value)+"\n") // a client that has gone needs no answer
}
