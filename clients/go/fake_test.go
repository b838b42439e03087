package triphase

// A scripted gateway in this process, over real sockets. Nothing here knows the protocol: a script may break every rule
// of it.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"triphase.dev/clients/go/gatewayv1"
)

// A step is an event to send, the error to end with, or a channel to wait for; forever waits for the client to go.
type step any

type forever struct{}

type fakeGateway struct {
	gatewayv1.UnimplementedGatewayServiceServer
	healthv1.UnimplementedHealthServer

	target    string
	models    []*gatewayv1.Model
	cancelled chan struct{} // gets one for each call whose client went away

	mu       sync.Mutex
	scripts  [][]step
	refusals []error // what calls get before any script is played
	requests []*Request
	metadata []metadata.MD
	bounded  []bool // whether each call had a deadline
}

func newFakeGateway(t *testing.T, options ...grpc.ServerOption) *fakeGateway {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	fake := &fakeGateway{
		target:    listener.Addr().String(),
		models:    []*gatewayv1.Model{{Name: "reference", Reasons: true}},
		cancelled: make(chan struct{}, 16),
	}
	server := grpc.NewServer(options...)
	gatewayv1.RegisterGatewayServiceServer(server, fake)
	healthv1.RegisterHealthServer(server, fake)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		check(t, <-served)
	})
	return fake
}

// script adds what one more call gets.
func (f *fakeGateway) script(steps ...step) { f.scripts = append(f.scripts, steps) }

func (f *fakeGateway) client(t *testing.T, options ...Option) *Client {
	t.Helper()
	client, err := NewClient(f.target, options...)
	check(t, err)
	t.Cleanup(func() { check(t, client.Close()) })
	return client
}

func (f *fakeGateway) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

func (f *fakeGateway) StreamGenerate(
	request *Request, stream grpc.ServerStreamingServer[gatewayv1.StreamGenerateResponse],
) error {
	ctx := stream.Context()
	if err := f.refuse(ctx); err != nil {
		return err
	}
	for _, step := range f.next(ctx, request) {
		switch step := step.(type) {
		case *gatewayv1.StreamGenerateResponse:
			if err := stream.Send(step); err != nil {
				return err
			}
		case error:
			return step
		case chan struct{}:
			<-step
		case forever:
			<-ctx.Done()
			f.cancelled <- struct{}{}
			return ctx.Err()
		}
	}
	return nil
}

func (f *fakeGateway) next(ctx context.Context, request *Request) []step {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, request)
	steps := f.scripts[0]
	f.scripts = f.scripts[1:]
	return steps
}

func (f *fakeGateway) refuse(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent, _ := metadata.FromIncomingContext(ctx)
	_, bounded := ctx.Deadline()
	f.metadata, f.bounded = append(f.metadata, sent), append(f.bounded, bounded)
	if len(f.refusals) == 0 {
		return nil
	}
	refusal := f.refusals[0]
	f.refusals = f.refusals[1:]
	return refusal
}

func (f *fakeGateway) ListModels(
	ctx context.Context, _ *gatewayv1.ListModelsRequest,
) (*gatewayv1.ListModelsResponse, error) {
	return &gatewayv1.ListModelsResponse{Models: f.models}, f.refuse(ctx)
}

func (f *fakeGateway) Check(
	ctx context.Context, request *healthv1.HealthCheckRequest,
) (*healthv1.HealthCheckResponse, error) {
	if request.Service != "" {
		return nil, status.Error(codes.NotFound, "no such service")
	}
	return &healthv1.HealthCheckResponse{Status: Serving}, f.refuse(ctx)
}

// A vector of testdata/events: what comes over the wire, and what it folds to.
type vector struct {
	Name   string            `json:"name"`
	Events []json.RawMessage `json:"events"`
	Wire   []string          `json:"wire"`
	Expect struct {
		Fold  json.RawMessage `json:"fold"`
		Error Rule            `json:"error"`
	} `json:"expect"`
}

// testdata returns the path of a file or folder that the tests of every language share.
func testdata(parts ...string) string {
	return filepath.Join(append([]string{"..", "..", "testdata"}, parts...)...)
}

func vectors(t *testing.T) []vector {
	t.Helper()
	paths, err := filepath.Glob(testdata("events", "*.json"))
	check(t, err)
	if len(paths) == 0 {
		t.Fatal("testdata/events has no vectors")
	}
	read := map[string]vector{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		check(t, err)
		var vector vector
		check(t, json.Unmarshal(content, &vector))
		if vector.Name != strings.TrimSuffix(filepath.Base(path), ".json") {
			t.Errorf("%s is named %q inside", path, vector.Name)
		}
		read[vector.Name] = vector
	}
	found := slices.Collect(maps.Values(read))
	slices.SortFunc(found, func(a, b vector) int { return strings.Compare(a.Name, b.Name) })
	return found
}

func vectorNamed(t *testing.T, name string) vector {
	t.Helper()
	found := vectors(t)
	place := slices.IndexFunc(found, func(v vector) bool { return v.Name == name })
	if place < 0 {
		t.Fatalf("testdata/events has no %s", name)
	}
	return found[place]
}

// messages returns the events, from JSON.
func (v vector) messages(t *testing.T) []*gatewayv1.StreamGenerateResponse {
	t.Helper()
	var messages []*gatewayv1.StreamGenerateResponse
	for _, event := range v.Events {
		message := &gatewayv1.StreamGenerateResponse{}
		check(t, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(event, message))
		messages = append(messages, message)
	}
	return messages
}

// decoded returns the events, from bytes.
func (v vector) decoded(t *testing.T) []*gatewayv1.StreamGenerateResponse {
	t.Helper()
	var messages []*gatewayv1.StreamGenerateResponse
	for _, event := range v.Wire {
		wire, err := base64.StdEncoding.DecodeString(event)
		check(t, err)
		message := &gatewayv1.StreamGenerateResponse{}
		check(t, proto.Unmarshal(wire, message))
		messages = append(messages, message)
	}
	return messages
}

// steps makes a script of messages.
func steps(messages []*gatewayv1.StreamGenerateResponse) []step {
	var script []step
	for _, message := range messages {
		script = append(script, message)
	}
	return script
}

func worked(t *testing.T) []*gatewayv1.StreamGenerateResponse {
	t.Helper()
	return vectorNamed(t, "worked-transcript").messages(t)
}

// soon bounds what a test waits for, so that one that would hang fails.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var plainText = grpc.WithTransportCredentials(insecure.NewCredentials())
