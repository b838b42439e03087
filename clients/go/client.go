package triphase

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"triphase.dev/clients/go/gatewayv1"
)

// HealthState is what a service of the gateway says of itself.
type HealthState = healthv1.HealthCheckResponse_ServingStatus

// The states of a service.
const (
	Unknown        = healthv1.HealthCheckResponse_UNKNOWN
	Serving        = healthv1.HealthCheckResponse_SERVING
	NotServing     = healthv1.HealthCheckResponse_NOT_SERVING
	ServiceUnknown = healthv1.HealthCheckResponse_SERVICE_UNKNOWN
)

// Client is a connection to one gateway. It carries any number of calls at once, from any goroutine.
type Client struct {
	gateway  gatewayv1.GatewayServiceClient
	health   healthv1.HealthClient
	close    func() error
	retry    RetryPolicy
	metadata []string
}

// Option says how a client is to be made.
type Option func(*settings)

type settings struct {
	retry    RetryPolicy
	metadata []string
	dial     []grpc.DialOption
}

// WithCredentials encrypts the connection; without it, it is plain text.
func WithCredentials(channel credentials.TransportCredentials) Option {
	return WithDialOptions(grpc.WithTransportCredentials(channel))
}

// WithDialOptions adds options of gRPC's own, which win over those of the client: credentials for each call,
// interceptors, another load balancer. A connection that was given takes none.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dial = append(s.dial, options...) }
}

// WithMetadata sends keys and values, in pairs, with every call, such as "authorization", "Bearer …".
func WithMetadata(pairs ...string) Option {
	return func(s *settings) { s.metadata = append(s.metadata, pairs...) }
}

// WithRetry says how calls that found no gateway are repeated; [DefaultRetry] unless said.
func WithRetry(policy RetryPolicy) Option {
	return func(s *settings) { s.retry = policy }
}

// NewClient makes a client of the gateway at target, as gRPC writes it. It connects at the first call.
func NewClient(target string, options ...Option) (*Client, error) {
	chosen := choose(options)
	connection, err := grpc.NewClient(target, append(channelOptions(target), chosen.dial...)...)
	if err != nil {
		return nil, err
	}
	return newClient(connection, chosen, connection.Close), nil
}

// NewClientWithConn makes a client on a connection of the caller's own, which stays the caller's to close.
func NewClientWithConn(connection grpc.ClientConnInterface, options ...Option) *Client {
	return newClient(connection, choose(options), func() error { return nil })
}

func choose(options []Option) settings {
	chosen := settings{retry: DefaultRetry}
	for _, option := range options {
		option(&chosen)
	}
	return chosen
}

func newClient(connection grpc.ClientConnInterface, chosen settings, close func() error) *Client {
	return &Client{
		gateway:  gatewayv1.NewGatewayServiceClient(connection),
		health:   healthv1.NewHealthClient(connection),
		close:    close,
		retry:    chosen.retry,
		metadata: chosen.metadata,
	}
}

// Close closes the connection, unless it was given; calls that still run are cancelled.
func (c *Client) Close() error { return c.close() }

// Stream streams the events of one answer. Leaving the loop, or the end of ctx, cancels the call at the gateway, and
// there at the engine.
//
// An error is an [*Error]; it comes last, with an empty event. A stream that ends without completed is one, so that half
// an answer is never taken for a whole one. Each range over what is returned makes a call of its own.
func (c *Client) Stream(ctx context.Context, request *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for tried := 1; ; tried++ {
			failed := c.streamOnce(ctx, request, yield)
			if failed == nil {
				return
			}
			if !c.retry.pause(ctx, failed, tried) {
				yield(Event{}, failed)
				return
			}
		}
	}
}

// streamOnce makes one call. It returns nil where the stream is whole, or where nobody listens any more.
func (c *Client) streamOnce(ctx context.Context, request *Request, yield func(Event, error) bool) *Error {
	ctx, cancel := context.WithCancel(c.outgoing(ctx))
	defer cancel()
	call, err := c.gateway.StreamGenerate(ctx, request)
	if err != nil {
		return newError(err, false)
	}
	midway, completed := false, false
	for {
		message, err := call.Recv()
		switch {
		case errors.Is(err, io.EOF) && completed:
			return nil
		case errors.Is(err, io.EOF):
			return completedMissing()
		case err != nil:
			return newError(err, midway)
		}
		event := NewEvent(message)
		midway = true
		_, completed = event.Body.(*Completed)
		if !yield(event, nil) {
			return nil
		}
	}
}

// Generate returns one answer whole: the fold of [Client.Stream].
//
// It is not the RPC Generate: a stream with heartbeats outlives the proxies that cut a silent call.
func (c *Client) Generate(ctx context.Context, request *Request) (*Response, error) {
	var fold Fold
	for event, err := range c.Stream(ctx, request) {
		if err == nil {
			err = fold.Feed(event)
		}
		if err != nil {
			return nil, err
		}
	}
	return fold.Response()
}

// Models lists the models that the caller may use, sorted by name.
func (c *Client) Models(ctx context.Context) ([]*Model, error) {
	response, err := repeated(ctx, c, func(ctx context.Context) (*gatewayv1.ListModelsResponse, error) {
		return c.gateway.ListModels(ctx, &gatewayv1.ListModelsRequest{})
	})
	return response.GetModels(), err
}

// Health asks how a service of the gateway is; an empty name asks for the gateway as a whole. The code is NotFound for a
// service that the gateway does not have.
func (c *Client) Health(ctx context.Context, service string) (HealthState, error) {
	response, err := repeated(ctx, c, func(ctx context.Context) (*healthv1.HealthCheckResponse, error) {
		return c.health.Check(ctx, &healthv1.HealthCheckRequest{Service: service})
	})
	return response.GetStatus(), err
}

func repeated[T any](ctx context.Context, c *Client, call func(context.Context) (T, error)) (T, error) {
	for tried := 1; ; tried++ {
		response, err := call(c.outgoing(ctx))
		if err == nil {
			return response, nil
		}
		if failed := newError(err, false); !c.retry.pause(ctx, failed, tried) {
			var none T
			return none, failed
		}
	}
}

func (c *Client) outgoing(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, c.metadata...)
}
