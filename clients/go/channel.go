package triphase

import (
	"net/netip"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// DefaultTarget is where a gateway listens unless it is told otherwise.
const DefaultTarget = "127.0.0.1:50051"

// One event is small, but raw thoughts that became ready together leave as one.
const maxReceiveBytes = 16 << 20

// channelOptions are the options of a channel, each with its reason. Those of the caller come after them, and win.
func channelOptions(target string) []grpc.DialOption {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUserAgent("triphase-client-go"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceiveBytes)),
		// A model may think for minutes. Pings find a dead network; heartbeats of the gateway keep them welcome.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		// A gateway that just starts is found soon after our own retry, not after gRPC's second of backoff.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second,
			},
			MinConnectTimeout: 20 * time.Second,
		}),
		// Retries are ours: they know what was begun.
		grpc.WithDisableRetry(),
	}
	if isLoopback(target) {
		options = append(options, grpc.WithNoProxy()) // a proxy of the environment must not swallow these calls
	}
	return options
}

var scheme = regexp.MustCompile(`^[a-z0-9+.-]+://[^/]*/|^(dns|passthrough):`)

// isLoopback tells whether a gRPC target, such as localhost:50051 or dns:///[::1]:50051, is on this machine.
func isLoopback(target string) bool {
	target = strings.ToLower(target)
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	host := scheme.ReplaceAllString(target, "")
	if strings.HasPrefix(host, "[") {
		host, _, _ = strings.Cut(host[1:], "]")
	} else if strings.Count(host, ":") == 1 { // more of them are an address of IPv6 without a port
		host, _, _ = strings.Cut(host, ":")
	}
	host = strings.TrimSuffix(host, ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761, 6.3
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
