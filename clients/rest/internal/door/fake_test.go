package door

import (
	"context"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	adminpb "triphase.dev/clients/go/adminv1"
	pb "triphase.dev/clients/go/gatewayv1"
	modelpb "triphase.dev/clients/go/modelv1"
	"triphase.dev/clients/rest/internal/gateway"
	"triphase.dev/clients/rest/internal/guard"
)

// fake is a gateway in this process, over a real socket: it sends events, then ends with a status.
type fake struct {
	pb.UnimplementedGatewayServiceServer
	events []*pb.StreamGenerateResponse
	end    error
	hold   bool // after the events it waits until the caller leaves
	left   chan time.Time
	asked  chan string // full names of methods

	// Where they are set: a call says that it waits, and waits for the gate to close; `held` is closed once all is sent.
	waiting chan struct{}
	gate    chan struct{}
	held    chan struct{}
}

func (f *fake) StreamGenerate(_ *pb.StreamGenerateRequest, stream grpc.ServerStreamingServer[pb.StreamGenerateResponse]) error {
	if f.gate != nil {
		f.waiting <- struct{}{}
		<-f.gate
	}
	for _, event := range f.events {
		if stream.Send(event) != nil {
			break // the caller has left already
		}
	}
	if f.hold {
		if f.held != nil {
			close(f.held)
		}
		<-stream.Context().Done()
		f.left <- time.Now()
	}
	return f.end
}

// serve starts the fake and both doors before it; returns their URLs.
func serve(t *testing.T, f *fake) (url, adminURL string) {
	t.Helper()
	f.left, f.asked = make(chan time.Time, 1), make(chan string, 16)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	note := func(name string) {
		select {
		case f.asked <- name:
		default:
		}
	}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			note(info.FullMethod)
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			note(info.FullMethod)
			return next(srv, stream)
		}),
	)
	pb.RegisterGatewayServiceServer(server, f)
	modelpb.RegisterModelConfigServiceServer(server, modelpb.UnimplementedModelConfigServiceServer{})
	adminpb.RegisterAdminServiceServer(server, adminpb.UnimplementedAdminServiceServer{})
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	pool, err := gateway.Open([]string{listener.Addr().String()}, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	options := guard.Options{
		Origins: []string{"https://app.example"}, MaxBody: 1 << 20,
		BodyTimeout: 300 * time.Millisecond, WriteTimeout: 10 * time.Second,
	}
	handler, err := New(pool, options)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := NewAdmin(pool, options)
	if err != nil {
		t.Fatal(err)
	}
	front, back := httptest.NewServer(handler), httptest.NewServer(admin)
	t.Cleanup(front.Close)
	t.Cleanup(back.Close)
	return front.URL, back.URL
}
