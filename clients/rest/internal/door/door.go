// Package door puts the doors of this program behind one address: REST, the OpenAI-compatible facade, health, pages.
//
// Which path speaks which dialect is here, and so how a refusal is written; all else is the doors' own.
package door

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"triphase.dev/clients/rest/internal/gen"
	"triphase.dev/clients/rest/internal/guard"
	"triphase.dev/clients/rest/internal/openai"
	"triphase.dev/clients/rest/internal/playground"
	"triphase.dev/clients/rest/internal/shim"
)

const healthTimeout = 5 * time.Second

// New serves callers. Of the options, Refuse is set here.
func New(conn grpc.ClientConnInterface, options guard.Options) (http.Handler, error) {
	rest, err := shim.New(conn)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(shim.Prefix, rest)
	mux.Handle("/v1/", openai.New(conn))
	mux.HandleFunc("GET /healthz", healthz(grpc_health_v1.NewHealthClient(conn)))
	mux.HandleFunc("GET /openapi.json", document(gen.OpenAPI))
	mux.HandleFunc("GET /swagger.json", document(gen.Swagger))
	playground.Register(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, http.StatusNotFound, "there is nothing here: see /openapi.json")
	})
	options.Refuse = refuse
	return guard.Wrap(mux, options), nil
}

// NewAdmin serves operators.
func NewAdmin(conn grpc.ClientConnInterface, options guard.Options) (http.Handler, error) {
	admin, err := shim.NewAdmin(conn)
	if err != nil {
		return nil, err
	}
	options.Refuse = shim.Refuse
	return guard.Wrap(admin, options), nil
}

func refuse(w http.ResponseWriter, r *http.Request, httpStatus int, message string) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		openai.Refuse(w, r, httpStatus, message)
		return
	}
	shim.Refuse(w, r, httpStatus, message)
}

func document(text []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	}
}

// healthz is 200 where the gateway serves, and 503 where it does not, drains, or cannot be reached.
func healthz(client grpc_health_v1.HealthClient) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		answer, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		state, httpStatus := answer.GetStatus().String(), http.StatusServiceUnavailable
		switch {
		case err != nil:
			state = "UNREACHABLE"
		case answer.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING:
			httpStatus = http.StatusOK
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(httpStatus)
		_, _ = io.WriteString(w, `{"status":"`+state+"\"}\n")
	}
}
