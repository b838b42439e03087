package shim

import (
	"context"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"triphase.dev/clients/rest/internal/gateway"
)

// The code of what this server refuses by itself.
var refusals = map[int]codes.Code{
	http.StatusBadRequest:            codes.InvalidArgument,
	http.StatusForbidden:             codes.PermissionDenied,
	http.StatusNotFound:              codes.NotFound,
	http.StatusMethodNotAllowed:      codes.Unimplemented,
	http.StatusNotAcceptable:         codes.InvalidArgument,
	http.StatusRequestTimeout:        codes.DeadlineExceeded,
	http.StatusRequestEntityTooLarge: codes.InvalidArgument,
	http.StatusUnsupportedMediaType:  codes.InvalidArgument,
	http.StatusMisdirectedRequest:    codes.PermissionDenied,
}

func codeOf(httpStatus int) codes.Code {
	if code, ok := refusals[httpStatus]; ok {
		return code
	}
	return codes.Internal
}

func writeFailure(w http.ResponseWriter, failure gateway.Failure, httpStatus int) {
	text, err := protojson.Marshal(failure.Status)
	if err != nil { // a detail of a type that this program does not know: the code and the message stand
		failure.Status.Details = nil
		text, _ = protojson.Marshal(failure.Status)
	}
	header := w.Header()
	header.Del("Transfer-Encoding")
	header.Set("Content-Type", plainJSON)
	failure.SetRetryAfter(header)
	w.WriteHeader(httpStatus)
	_, _ = w.Write(append(text, '\n')) // a client that has gone needs no answer
}

// writeError tells the error of a whole answer, or of a body that is no request.
func writeError(
	_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error,
) {
	failure := gateway.FailureOf(err)
	if failure.Code == codes.InvalidArgument && failure.Reason == "" { // of the generated decoder, which gives no reason
		failure = gateway.Refuse(codes.InvalidArgument, failure.Message)
	}
	writeFailure(w, failure, failure.HTTPStatus())
}

// routingError tells that there is no such route, or none for the method.
func routingError(
	_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, httpStatus int,
) {
	message := "there is no such route: see /openapi.json"
	if httpStatus == http.StatusMethodNotAllowed {
		methods := strings.Join(Methods()[r.URL.Path], ", ")
		w.Header().Set("Allow", methods)
		message = "this route takes " + methods
	}
	Refuse(w, r, httpStatus, message)
}

type responseKey struct{}

// streamError remembers the error of a stream that has not begun, so that `response` writes it bare and not in a frame.
func streamError(ctx context.Context, err error) *status.Status {
	failure := gateway.FailureOf(err)
	if response, ok := ctx.Value(responseKey{}).(*response); ok && !response.begun {
		response.failure = &failure
	}
	if _, err := protojson.Marshal(failure.Status); err != nil {
		failure.Status.Details = nil
	}
	return status.FromProto(failure.Status)
}

// response replaces the first frame of a stream that failed at once.
type response struct {
	http.ResponseWriter
	begun   bool
	failure *gateway.Failure
}

func (r *response) WriteHeader(httpStatus int) {
	r.begun = true
	if r.failure != nil {
		writeFailure(r.ResponseWriter, *r.failure, httpStatus)
		return
	}
	r.ResponseWriter.WriteHeader(httpStatus)
}

func (r *response) Write(data []byte) (int, error) {
	r.begun = true
	if r.failure != nil {
		return len(data), nil
	}
	return r.ResponseWriter.Write(data)
}

func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }
