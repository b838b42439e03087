package door

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// checked answers health checks as it is told.
type checked struct {
	grpc_health_v1.HealthClient
	state grpc_health_v1.HealthCheckResponse_ServingStatus
	err   error
}

func (g checked) Check(context.Context, *grpc_health_v1.HealthCheckRequest, ...grpc.CallOption) (*grpc_health_v1.HealthCheckResponse, error) {
	if g.err != nil {
		return nil, g.err
	}
	return &grpc_health_v1.HealthCheckResponse{Status: g.state}, nil
}

func TestHealthIsTheGateways(t *testing.T) {
	for body, one := range map[string]struct {
		gateway checked
		code    int
	}{
		"{\"status\":\"SERVING\"}\n":     {checked{state: grpc_health_v1.HealthCheckResponse_SERVING}, http.StatusOK},
		"{\"status\":\"NOT_SERVING\"}\n": {checked{state: grpc_health_v1.HealthCheckResponse_NOT_SERVING}, http.StatusServiceUnavailable},
		"{\"status\":\"UNREACHABLE\"}\n": {checked{err: status.Error(codes.Unavailable, "gone")}, http.StatusServiceUnavailable},
	} {
		answer := httptest.NewRecorder()
		healthz(one.gateway)(answer, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		if answer.Code != one.code || answer.Body.String() != body {
			t.Errorf("%d %q, not %d %q", answer.Code, answer.Body, one.code, body)
		}
	}
}
