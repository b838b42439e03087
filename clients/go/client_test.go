package triphase

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"triphase.dev/clients/go/gatewayv1"
)

var (
	notYet = status.Error(codes.Unavailable, "not yet")
	quick  = WithRetry(RetryPolicy{Attempts: 3, FirstDelay: ms, LongestDelay: 2 * ms})
)

// collect ranges over a whole stream.
func collect(ctx context.Context, client *Client) ([]*gatewayv1.StreamGenerateResponse, error) {
	var messages []*gatewayv1.StreamGenerateResponse
	for event, err := range client.Stream(ctx, Ask("reference", "What is 47 + 38?")) {
		if err != nil {
			return messages, err
		}
		messages = append(messages, event.Message)
	}
	return messages, nil
}

func same(t *testing.T, got, want []*gatewayv1.StreamGenerateResponse) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for place := range want {
		if !proto.Equal(got[place], want[place]) {
			t.Errorf("event %d is %v, want %v", place, got[place], want[place])
		}
	}
}

// failedWith returns the error of a call, which must be of that code.
func failedWith(t *testing.T, err error, code codes.Code) *Error {
	t.Helper()
	var failed *Error
	if !errors.As(err, &failed) || failed.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	return failed
}

func TestStreamsTheEventsAsTheyAre(t *testing.T) {
	fake := newFakeGateway(t)
	fake.script(steps(worked(t))...)
	got, err := collect(soon(t), fake.client(t))
	check(t, err)
	same(t, got, worked(t))
	if want := Ask("reference", "What is 47 + 38?"); !proto.Equal(fake.requests[0], want) {
		t.Errorf("asked %v", fake.requests[0])
	}
}

func TestEventsArriveWhileTheStreamIsOpen(t *testing.T) {
	fake := newFakeGateway(t)
	goOn := make(chan struct{})
	messages := steps(worked(t))
	fake.script(append([]step{messages[0], goOn}, messages[1:]...)...)
	var output string
	for event, err := range fake.client(t).Stream(soon(t), Ask("reference", "?")) {
		check(t, err)
		switch body := event.Body.(type) {
		case *Started:
			close(goOn) // what follows is sent only now
		case *OutputDelta:
			output += body.Text
		}
	}
	if output != "47 + 38 = 85" {
		t.Errorf("got %q", output)
	}
}

func TestEveryVectorOverTheWire(t *testing.T) {
	fake := newFakeGateway(t)
	client := fake.client(t)
	for _, vector := range vectors(t) {
		t.Run(vector.Name, func(t *testing.T) {
			messages := vector.messages(t)
			if vector.Wire != nil {
				messages = vector.decoded(t) // unknown members and all
			}
			fake.script(steps(messages)...)
			response, err := client.Generate(soon(t), Ask("reference", "?"))
			vector.holds(t, response, err)
		})
	}
}

func TestAMemberThatItDoesNotKnowIsIgnored(t *testing.T) {
	fake := newFakeGateway(t)
	fake.script(steps(vectorNamed(t, "unknown-member").decoded(t))...)
	unknown := 0
	for event, err := range fake.client(t).Stream(soon(t), Ask("reference", "?")) {
		check(t, err)
		if event.Body == nil {
			unknown++
		}
	}
	if unknown != 1 {
		t.Errorf("%d unknown members", unknown)
	}
}

func TestAStreamThatEndsEarlyIsAnError(t *testing.T) {
	for _, length := range []int{0, 1, 13} {
		fake := newFakeGateway(t)
		fake.script(steps(worked(t)[:length])...)
		got, err := collect(soon(t), fake.client(t))
		if failed := failedWith(t, err, codes.DataLoss); failed.Rule != CompletedMissing {
			t.Errorf("got %+v", failed)
		}
		same(t, got, worked(t)[:length])
		if fake.calls() != 1 {
			t.Errorf("%d calls", fake.calls())
		}
	}
}

func TestRepeatsWhatFoundNoGateway(t *testing.T) {
	fake := newFakeGateway(t)
	fake.refusals = []error{notYet, notYet}
	fake.script(steps(worked(t))...)
	got, err := collect(soon(t), fake.client(t, quick))
	check(t, err)
	same(t, got, worked(t))
	if len(fake.metadata) != 3 {
		t.Errorf("%d calls", len(fake.metadata))
	}
}

func TestRepeatsABoundedNumberOfTimes(t *testing.T) {
	fake := newFakeGateway(t)
	fake.refusals = []error{notYet, notYet, notYet, notYet}
	_, err := collect(soon(t), fake.client(t, quick))
	failedWith(t, err, codes.Unavailable)
	if len(fake.metadata) != 3 {
		t.Errorf("%d calls", len(fake.metadata))
	}
	fake.refusals = []error{notYet, notYet}
	_, err = collect(soon(t), fake.client(t, WithRetry(NoRetry)))
	failedWith(t, err, codes.Unavailable)
	if len(fake.metadata) != 4 {
		t.Errorf("%d calls", len(fake.metadata))
	}
}

func TestNeverRepeatsAfterStarted(t *testing.T) {
	fake := newFakeGateway(t)
	fake.script(worked(t)[0], notYet)
	got, err := collect(soon(t), fake.client(t, quick))
	if failed := failedWith(t, err, codes.Unavailable); !failed.Midway {
		t.Errorf("got %+v", failed)
	}
	same(t, got, worked(t)[:1])
	if fake.calls() != 1 {
		t.Errorf("%d calls", fake.calls())
	}
}

func TestWaitsAsLongAsTheGatewayAsks(t *testing.T) {
	for asked, calls := range map[time.Duration]int{20 * ms: 2, time.Hour: 1} {
		fake := newFakeGateway(t)
		fake.refusals = []error{rich(codes.Unavailable, "stopping",
			packed(t, &errdetails.ErrorInfo{Reason: "GATEWAY_SHUTTING_DOWN"}),
			packed(t, &errdetails.RetryInfo{RetryDelay: durationpb.New(asked)}))}
		begun := time.Now()
		_, err := fake.client(t, WithRetry(RetryPolicy{Attempts: 2, FirstDelay: ms, LongestDelay: time.Minute})).
			Models(soon(t))
		if (err == nil) != (calls == 2) || len(fake.metadata) != calls {
			t.Errorf("asked for %s: %v after %d calls", asked, err, len(fake.metadata))
		}
		if calls == 2 && time.Since(begun) < asked {
			t.Errorf("came back after %s", time.Since(begun))
		}
	}
}

func TestLeavingTheLoopCancelsTheCall(t *testing.T) {
	fake := newFakeGateway(t)
	fake.script(worked(t)[0], forever{})
	for _, err := range fake.client(t).Stream(soon(t), Ask("reference", "?")) {
		check(t, err)
		break
	}
	gone(t, fake)
}

func TestAPanicInTheLoopCancelsTheCall(t *testing.T) {
	fake := newFakeGateway(t)
	fake.script(worked(t)[0], forever{})
	client := fake.client(t)
	func() {
		defer func() { _ = recover() }()
		for range client.Stream(soon(t), Ask("reference", "?")) {
			panic("of the caller")
		}
	}()
	gone(t, fake)
}

func TestCancellingTheContextCancelsTheCall(t *testing.T) {
	fake := newFakeGateway(t)
	fake.script(worked(t)[0], forever{})
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	var ended error
	for _, err := range fake.client(t).Stream(ctx, Ask("reference", "?")) {
		ended = err
		cancel()
	}
	if failed := failedWith(t, ended, codes.Canceled); !failed.Midway || !errors.Is(ended, context.Canceled) {
		t.Errorf("got %+v", failed)
	}
	gone(t, fake)
}

func gone(t *testing.T, fake *fakeGateway) {
	t.Helper()
	select {
	case <-fake.cancelled:
	case <-soon(t).Done():
		t.Fatal("the gateway still streams")
	}
}

func TestDeadlineReachesCallerAndGateway(t *testing.T) {
	fake := newFakeGateway(t)
	fake.script(worked(t)[0], forever{})
	ctx, cancel := context.WithTimeout(t.Context(), 200*ms)
	defer cancel()
	_, err := collect(ctx, fake.client(t))
	failedWith(t, err, codes.DeadlineExceeded)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	gone(t, fake)
	if !fake.bounded[0] {
		t.Error("the gateway knew of no deadline")
	}
}

func TestAContextThatEndedMakesNoCall(t *testing.T) {
	fake := newFakeGateway(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	client := fake.client(t)
	_, err := collect(ctx, client)
	failedWith(t, err, codes.Canceled)
	_, err = client.Models(ctx)
	failedWith(t, err, codes.Canceled)
	if len(fake.metadata) != 0 {
		t.Errorf("%d calls", len(fake.metadata))
	}
}

func TestNobodyListens(t *testing.T) {
	client, err := NewClient("127.0.0.1:9", quick)
	check(t, err)
	defer client.Close()
	_, err = collect(soon(t), client)
	if failed := failedWith(t, err, codes.Unavailable); failed.Reason != "" || failed.Midway {
		t.Errorf("got %+v", failed)
	}
}

func TestModelsAndHealth(t *testing.T) {
	fake := newFakeGateway(t)
	fake.refusals = []error{notYet}
	client := fake.client(t, quick)
	models, err := client.Models(soon(t))
	check(t, err)
	if len(models) != 1 || models[0].Name != "reference" || !models[0].Reasons {
		t.Errorf("got %v", models)
	}
	state, err := client.Health(soon(t), "")
	check(t, err)
	if state != Serving {
		t.Errorf("got %v", state)
	}
	_, err = client.Health(soon(t), "no-such-service")
	failedWith(t, err, codes.NotFound)
}

func TestMetadataGoesWithEveryCall(t *testing.T) {
	fake := newFakeGateway(t)
	fake.script(steps(worked(t))...)
	client := fake.client(t, WithMetadata("authorization", "Bearer s"), WithMetadata("x-team", "blue"))
	_, err := collect(soon(t), client)
	check(t, err)
	_, err = client.Models(soon(t))
	check(t, err)
	_, err = client.Health(soon(t), "")
	check(t, err)
	if len(fake.metadata) != 3 {
		t.Fatalf("%d calls", len(fake.metadata))
	}
	for call, sent := range fake.metadata {
		if sent.Get("authorization")[0] != "Bearer s" || sent.Get("x-team")[0] != "blue" {
			t.Errorf("call %d sent %v", call, sent)
		}
	}
}

// The pair that the Python client is tested with, too.
func TestTLS(t *testing.T) {
	folder := filepath.Join("..", "python", "tests", "tls")
	if _, err := os.Stat(folder); err != nil {
		t.Fatal(err)
	}
	certificate := filepath.Join(folder, "certificate.pem")
	own, err := credentials.NewServerTLSFromFile(certificate, filepath.Join(folder, "key.pem"))
	check(t, err)
	fake := newFakeGateway(t, grpc.Creds(own))
	trusted, err := credentials.NewClientTLSFromFile(certificate, "")
	check(t, err)
	_, err = fake.client(t, WithCredentials(trusted)).Models(soon(t))
	check(t, err)
	_, err = fake.client(t, quick).Models(soon(t))
	failedWith(t, err, codes.Unavailable)
}

func TestAConnectionOfTheCallerStaysOpen(t *testing.T) {
	fake := newFakeGateway(t)
	connection, err := grpc.NewClient(fake.target, plainText)
	check(t, err)
	defer connection.Close()
	check(t, NewClientWithConn(connection).Close())
	_, err = NewClientWithConn(connection).Models(soon(t))
	check(t, err)
}

func TestALargeEventIsTaken(t *testing.T) {
	fake := newFakeGateway(t)
	large := proto.CloneOf(worked(t)[10])
	large.GetOutputDelta().Text = string(make([]byte, 8<<20)) // twice what gRPC takes by itself
	messages := worked(t)
	messages[10] = large
	fake.script(steps(messages)...)
	got, err := collect(soon(t), fake.client(t))
	check(t, err)
	same(t, got, messages)
}

func TestOptionsOfTheCallerWin(t *testing.T) {
	fake := newFakeGateway(t)
	fake.script(steps(worked(t))...)
	client := fake.client(t, WithDialOptions(grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8))))
	_, err := collect(soon(t), client)
	failedWith(t, err, codes.ResourceExhausted)
}

func TestATargetThatCannotBeReadIsTold(t *testing.T) {
	if client, err := NewClient("no scheme\x00:"); err == nil {
		t.Errorf("got %v", client)
	}
}

func TestTurns(t *testing.T) {
	for role, made := range map[gatewayv1.Role]*Message{
		gatewayv1.Role_ROLE_SYSTEM: System("x"), gatewayv1.Role_ROLE_USER: User("x"),
		gatewayv1.Role_ROLE_ASSISTANT: Assistant("x"), gatewayv1.Role_ROLE_TOOL: ToolResult("call_a", "x"),
	} {
		if made.Role != role || made.Content[0].GetText() != "x" || (made.ToolCallId != "") != (made.Role == 5) {
			t.Errorf("got %v", made)
		}
	}
}
