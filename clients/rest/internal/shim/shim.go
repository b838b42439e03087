// Package shim serves every RPC as JSON over HTTP, by the generated handlers of grpc-gateway.
//
// Which route asks for which RPC is api.yaml. Frames are in frames.go, errors in errors.go; who may ask is guard.
package shim

import (
	"context"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	adminpb "triphase.dev/clients/go/adminv1"
	pb "triphase.dev/clients/go/gatewayv1"
	modelpb "triphase.dev/clients/go/modelv1"
	"triphase.dev/clients/rest/internal/gateway"
	adminroutes "triphase.dev/clients/rest/internal/gen/triphase/admin/v1"
	routes "triphase.dev/clients/rest/internal/gen/triphase/gateway/v1"
	modelroutes "triphase.dev/clients/rest/internal/gen/triphase/model/v1"
	"triphase.dev/clients/rest/internal/guard"
)

// Prefix is where all routes are.
const Prefix = "/triphase/v1/"

const (
	ndjson      = "application/x-ndjson"
	eventStream = "text/event-stream"
	plainJSON   = "application/json"
)

// What travels on to the gateway as metadata; Grpc-Timeout becomes the deadline by itself.
var forwarded = map[string]string{
	"Authorization": "authorization",
	"Traceparent":   "traceparent",
	"Tracestate":    "tracestate",
}

// New serves the callers' services.
func New(conn grpc.ClientConnInterface) (http.Handler, error) {
	mux, ctx := newMux(), context.Background()
	if err := routes.RegisterGatewayServiceHandlerClient(ctx, mux, pb.NewGatewayServiceClient(conn)); err != nil {
		return nil, err
	}
	if err := modelroutes.RegisterModelConfigServiceHandlerClient(ctx, mux, modelpb.NewModelConfigServiceClient(conn)); err != nil {
		return nil, err
	}
	return door(mux), nil
}

// NewAdmin serves the operators' service.
func NewAdmin(conn grpc.ClientConnInterface) (http.Handler, error) {
	mux := newMux()
	if err := adminroutes.RegisterAdminServiceHandlerClient(context.Background(), mux, adminpb.NewAdminServiceClient(conn)); err != nil {
		return nil, err
	}
	return door(mux), nil
}

func newMux() *runtime.ServeMux {
	json := &runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{}, UnmarshalOptions: protojson.UnmarshalOptions{}}
	whole := strict{json}
	return runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, whole),
		runtime.WithMarshalerOption(ndjson, lines{whole}),
		runtime.WithMarshalerOption(eventStream, events{whole}),
		runtime.WithIncomingHeaderMatcher(func(name string) (string, bool) { key, ok := forwarded[name]; return key, ok }),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithErrorHandler(writeError),
		runtime.WithStreamErrorHandler(streamError),
		runtime.WithRoutingErrorHandler(routingError),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithDisablePathLengthFallback(),
	)
}

// door checks what the generated handlers let pass in silence, then leaves the rest to them.
func door(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			Refuse(w, r, http.StatusBadRequest, "no route takes a query: fields stand in the JSON body")
			return
		}
		offers := []string{plainJSON}
		if r.URL.Path == Prefix+"stream" {
			offers = []string{ndjson, eventStream, plainJSON}
		}
		kind := guard.Accepted(r.Header.Values("Accept"), offers)
		switch kind {
		case "":
			Refuse(w, r, http.StatusNotAcceptable, "this route answers with "+guard.Listed(offers))
			return
		case plainJSON:
			kind = ndjson // of a stream; a whole answer is one line of it without the break
		}
		r = r.Clone(r.Context())
		r.Header.Set("Accept", kind)
		r.Header.Set("Content-Type", plainJSON)
		w.Header().Set("X-Accel-Buffering", "no") // proxies pass each event on at once
		response := &response{ResponseWriter: w}
		mux.ServeHTTP(response, r.WithContext(context.WithValue(r.Context(), responseKey{}, response)))
	})
}

// Refuse writes an error of our own as google.rpc.Status.
func Refuse(w http.ResponseWriter, _ *http.Request, httpStatus int, message string) {
	writeFailure(w, gateway.Refuse(codeOf(httpStatus), message), httpStatus)
}
