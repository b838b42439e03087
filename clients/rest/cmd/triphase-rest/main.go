// Command triphase-rest serves a Triphase gateway over HTTP: as JSON, and as an OpenAI-compatible API.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"triphase.dev/clients/rest/internal/door"
	"triphase.dev/clients/rest/internal/gateway"
	"triphase.dev/clients/rest/internal/guard"
)

type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, strings.Split(value, ",")...)
	return nil
}

type settings struct {
	gateways, hosts, origins         list
	listen, admin, adminListen       string
	checkHealth                      string
	connections                      int
	maxBody                          int64
	bodyTimeout, writeTimeout, grace time.Duration
	exitWithStdin                    bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "triphase-rest:", err)
		os.Exit(1)
	}
}

func parse(arguments []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("triphase-rest", flag.ContinueOnError)
	flags.Var(&s.gateways, "gateway", "address of the gateway, host:port or unix:/path; may be repeated (default 127.0.0.1:50051)")
	flags.IntVar(&s.connections, "connections", 4, "connections to each gateway, so that calls reach all of its workers")
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "where to serve; port 0 takes a free one")
	flags.StringVar(&s.admin, "admin", "", "address of the gateway's admin service; needs --admin-listen")
	flags.StringVar(&s.adminListen, "admin-listen", "", "loopback address where the admin service is served")
	flags.Var(&s.hosts, "allow-host", "a name of this server, for the Host header; may be repeated")
	flags.Var(&s.origins, "allow-origin", "an origin whose pages may ask, such as https://app.example; may be repeated")
	flags.Int64Var(&s.maxBody, "max-body", 16<<20, "largest request body in bytes")
	flags.DurationVar(&s.bodyTimeout, "body-timeout", 30*time.Second, "how long a request body may take to arrive")
	flags.DurationVar(&s.writeTimeout, "write-timeout", 30*time.Second, "how long one write waits for a slow client")
	flags.DurationVar(&s.grace, "grace", 30*time.Second, "how long answers under way may take when it is stopped")
	flags.StringVar(&s.checkHealth, "check-health", "", "ask a shim at this URL whether the gateway serves, and end: for containers")
	flags.BoolVar(&s.exitWithStdin, "exit-with-stdin", false, "stop when standard input ends, as with the process that holds it")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if len(s.gateways) == 0 {
		s.gateways = list{"127.0.0.1:50051"}
	}
	if (s.admin == "") != (s.adminListen == "") {
		return s, errors.New("--admin and --admin-listen go together")
	}
	if host, _, err := net.SplitHostPort(s.adminListen); s.adminListen != "" && (err != nil || !net.ParseIP(host).IsLoopback()) {
		return s, errors.New("--admin-listen must be a loopback address, such as 127.0.0.1:8081: nobody is authenticated there")
	}
	return s, nil
}

func run(ctx context.Context, arguments []string) error {
	s, err := parse(arguments)
	if err != nil {
		return err
	}
	if s.checkHealth != "" {
		return healthy(ctx, s.checkHealth)
	}
	options := guard.Options{
		Hosts: s.hosts, Origins: s.origins, MaxBody: s.maxBody, BodyTimeout: s.bodyTimeout, WriteTimeout: s.writeTimeout,
	}
	pool, err := gateway.Open(s.gateways, s.connections, nil)
	if err != nil {
		return err
	}
	defer pool.Close()
	handler, err := door.New(pool, options)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if s.exitWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	ended := make(chan error, 2)
	server, err := serve(s.listen, handler, ended)
	if err != nil {
		return err
	}
	servers := []*http.Server{server}
	if s.admin != "" {
		adminPool, err := gateway.Open([]string{s.admin}, 1, nil)
		if err != nil {
			return err
		}
		defer adminPool.Close()
		admin, err := door.NewAdmin(adminPool, options)
		if err != nil {
			return err
		}
		adminServer, err := serve(s.adminListen, admin, ended)
		if err != nil {
			return err
		}
		servers = append(servers, adminServer)
	}
	select {
	case err = <-ended:
	case <-ctx.Done():
		patience, cancel := context.WithTimeout(context.Background(), s.grace)
		defer cancel()
		for _, server := range servers {
			if server.Shutdown(patience) != nil {
				_ = server.Close()
			}
		}
	}
	return err
}

// healthy asks another process of this program, as the health check of a container does.
func healthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: &http.Transport{}}).Do(request) // never through a proxy
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway does not serve: %s", answer.Status)
	}
	return nil
}

func serve(address string, handler http.Handler, ended chan<- error) (*http.Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second, // a head that trickles in; bodies and writes are bounded by guard
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			ended <- err
		}
	}()
	fmt.Fprintf(os.Stderr, "triphase-rest is listening on http://%s\n", listener.Addr())
	return server, nil
}
