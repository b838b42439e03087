package door

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "triphase.dev/clients/go/gatewayv1"
	"triphase.dev/clients/rest/internal/gateway"
	"triphase.dev/clients/rest/internal/guard"
)

// full is set by `tox -e rest`: then there are 500 streams, and times are judged.
var full = os.Getenv("TRIPHASE_REST") == "full"

// How long the gateway's call may outlive a client that vanishes.
const closedWithin = 150 * time.Millisecond

type route struct{ path, body, end string }

// Summaries are shown by all of them, so that a client can leave in each phase.
var routes = []route{
	{"/triphase/v1/stream", aRequest, `"completed":`},
	{"/v1/chat/completions", strings.Replace(aChatFlow, "{", `{"triphase": {"summaries": "auto"}, `, 1), "data: [DONE]"},
	{"/v1/responses", aResponse, `"type":"response.completed"`},
}

func asked(ctx context.Context, t *testing.T, url string, to route) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+to.path, strings.NewReader(to.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	return request
}

func TestManyStreamsAtOnceAreWholeAndLeaveNothing(t *testing.T) {
	streams := 60
	if full {
		streams = 500
	}
	f := &fake{events: vectors(t)["worked-transcript"].events, gate: make(chan struct{}), waiting: make(chan struct{}, streams)}
	url, _ := serve(t, f)
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	before := runtime.NumGoroutine()
	var all sync.WaitGroup
	for number := range streams {
		all.Go(func() {
			to := routes[number%len(routes)]
			answer, err := client.Do(asked(t.Context(), t, url, to))
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), to.end) {
				t.Errorf("%s: %d, %v, %q", to.path, answer.StatusCode, err, text)
			}
		})
	}
	for range streams {
		<-f.waiting // all of them run at once
	}
	close(f.gate)
	all.Wait()
	transport.CloseIdleConnections()
	for wait := 0; runtime.NumGoroutine() > before+20 && wait < 200; wait++ { // connections of the pool stay
		time.Sleep(20 * time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before+20 {
		t.Errorf("%d goroutines became %d", before, after)
	}
}

func TestAClientThatVanishesClosesTheCallAfterEachEvent(t *testing.T) {
	events := vectors(t)["worked-transcript"].events
	var slowest time.Duration
	for _, to := range routes {
		for count := 1; count < len(events); count++ {
			f := &fake{events: events[:count], hold: true, held: make(chan struct{})}
			url, _ := serve(t, f)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				if answer, err := http.DefaultClient.Do(asked(ctx, t, url, to)); err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
			}()
			<-f.held // the events are sent; some routes show nothing of the first ones, and hold their head back
			gone := time.Now()
			cancel()
			closed := (<-f.left).Sub(gone)
			<-ended
			slowest = max(slowest, closed)
		}
	}
	t.Logf("the slowest of %d was closed in %v", len(routes)*(len(events)-1), slowest)
	if full && slowest > closedWithin {
		t.Errorf("%v is more than %v", slowest, closedWithin)
	}
}

// restartable is a gateway that can be stopped, and begun again at its address.
func restartable(t *testing.T, f *fake, address string) (*grpc.Server, string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterGatewayServiceServer(server, f)
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return server, listener.Addr().String()
}

func front(t *testing.T, addresses ...string) string {
	t.Helper()
	pool, err := gateway.Open(addresses, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	handler, err := New(pool, guard.Options{MaxBody: 1 << 20, BodyTimeout: time.Second, WriteTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestAGatewayThatRestartsIsToldAndFoundAgain(t *testing.T) {
	events := vectors(t)["worked-transcript"].events
	for _, to := range routes {
		f := &fake{events: events[:10], hold: true, held: make(chan struct{}), left: make(chan time.Time, 1)}
		server, address := restartable(t, f, "127.0.0.1:0")
		url := front(t, address)
		answer, err := http.DefaultClient.Do(asked(t.Context(), t, url, to))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = bufio.NewReader(answer.Body).ReadString('\n')
		<-f.held
		server.Stop()
		rest, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		last := string(rest)[strings.LastIndex(strings.TrimRight(string(rest), "\n"), "\n")+1:]
		if err != nil || !strings.Contains(last, `"error":{`) || strings.Contains(last, "[DONE]") || !strings.HasSuffix(last, "\n") {
			t.Errorf("%s: %v, %q", to.path, err, last)
		}
		down, body := post(t, url+to.path, to.body)
		if down.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, address) {
			t.Errorf("%s: %d %s", to.path, down.StatusCode, body)
		}
		restartable(t, &fake{events: events, left: make(chan time.Time, 1)}, address)
		for try := 0; ; try++ {
			if up, body := post(t, url+to.path, to.body); up.StatusCode == http.StatusOK && strings.Contains(body, to.end) {
				break
			}
			if try == 200 {
				t.Fatalf("%s: the gateway is not found again", to.path)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func TestCallsSpreadOverAllGateways(t *testing.T) {
	events := vectors(t)["worked-transcript"].events
	var fakes []*fake
	var addresses []string
	for range 3 {
		f := &fake{events: events, left: make(chan time.Time, 1), waiting: make(chan struct{}, 100), gate: make(chan struct{})}
		close(f.gate)
		_, address := restartable(t, f, "127.0.0.1:0")
		fakes, addresses = append(fakes, f), append(addresses, address)
	}
	url := front(t, addresses...)
	for range 60 {
		post(t, url+"/triphase/v1/stream", aRequest)
	}
	for index, f := range fakes {
		if got := len(f.waiting); got != 20 {
			t.Errorf("gateway %d got %d of 60 calls", index, got)
		}
	}
}
