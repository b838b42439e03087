// Package gateway is the way to the gateway: connections to it, the rules that its streams keep, and its errors.
//
// Nothing here knows HTTP. What a door makes of an event or an error is that door's own (shim, openai).
package gateway

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// A whole response is one message; the gateway bounds it, and this is above that bound.
const mostMessageBytes = 64 << 20

// Pool spreads calls over several connections, in turn.
//
// Workers of a gateway share one port by SO_REUSEPORT, which gives each connection to one of them for good: with a
// single connection all calls would go to a single worker.
type Pool struct {
	conns []*grpc.ClientConn
	turn  atomic.Uint64
}

// Open makes the connections, count to each target, without waiting for any; nil credentials mean plain text.
func Open(targets []string, count int, creds credentials.TransportCredentials) (*Pool, error) {
	if len(targets) == 0 || count < 1 {
		return nil, fmt.Errorf("at least one gateway and one connection are needed")
	}
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	pool := &Pool{}
	for _, target := range targets {
		name, err := resolvable(target)
		if err != nil {
			pool.Close()
			return nil, err
		}
		for range count {
			conn, err := grpc.NewClient(name, options(creds)...)
			if err != nil {
				pool.Close()
				return nil, fmt.Errorf("gateway %q: %w", target, err)
			}
			pool.conns = append(pool.conns, conn)
		}
	}
	return pool, nil
}

func options(creds credentials.TransportCredentials) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithNoProxy(), // a gateway on this machine or in this network is never behind one
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(mostMessageBytes)),
		grpc.WithChainStreamInterceptor(holdToRules),
		// As the other clients do: the gateway takes pings every 15 s or more.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
	}
}

// resolvable writes an address as gRPC resolves it: host:port, [v6]:port, or unix:/path.
func resolvable(target string) (string, error) {
	if strings.HasPrefix(target, "unix:/") {
		return target, nil
	}
	_, port, err := net.SplitHostPort(target)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", fmt.Errorf("gateway %q must be host:port, [v6]:port or unix:/path", target)
	}
	return "dns:///" + target, nil
}

// Close ends all connections, and the calls on them.
func (p *Pool) Close() {
	for _, conn := range p.conns {
		_ = conn.Close()
	}
}

// Invoke makes a unary call on the next connection.
func (p *Pool) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return p.next().Invoke(ctx, method, args, reply, opts...)
}

// NewStream begins a streaming call on the next connection.
func (p *Pool) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return p.next().NewStream(ctx, desc, method, opts...)
}

// next takes connections in turn, and passes over those that just failed where another has not.
func (p *Pool) next() *grpc.ClientConn {
	turn := p.turn.Add(1)
	for step := range uint64(len(p.conns)) {
		conn := p.conns[(turn+step)%uint64(len(p.conns))]
		if conn.GetState() != connectivity.TransientFailure {
			return conn
		}
	}
	return p.conns[turn%uint64(len(p.conns))]
}
