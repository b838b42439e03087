package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "triphase.dev/clients/go/gatewayv1"
	"triphase.dev/clients/rest/internal/gateway"
	"triphase.dev/clients/rest/internal/guard"
)

// The most text of one whole answer, in bytes.
const mostAnswerBytes = 64 << 20

// answering makes of events what an endpoint tells. The rules of the stream are checked where it is received.
type answering interface {
	frames(event *pb.StreamGenerateResponse) string // what an event adds to a stream; "" = nothing yet
	failed(failure gateway.Failure) string          // the last frame of a stream that broke
	ended() string                                  // the last frame of a stream that is whole
	take(event *pb.StreamGenerateResponse)          // keeps an event for the whole answer
	size() int                                      // how much is kept, in bytes
	whole() object                                  // the whole answer, once all events are taken
}

// endpoint is what differs between chat completions and responses.
type endpoint struct {
	read   func(body []byte) (*wanted, error)
	answer func(request *wanted, started *pb.Started) answering
	names  *namer
}

type calling = grpc.ServerStreamingClient[pb.StreamGenerateResponse]

func (f *facade) serve(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // guard holds it already, whole and bounded
		if err != nil {
			Refuse(w, r, http.StatusBadRequest, "the body did not arrive whole")
			return
		}
		request, err := e.read(body)
		var found wrong
		if errors.As(err, &found) {
			refuseField(w, found)
			return
		}
		if kind, ok := accepted(r, request.stream); !ok {
			Refuse(w, r, http.StatusNotAcceptable, "this answer is "+kind)
			return
		}
		ctx, cancel := context.WithCancel(outgoing(r))
		defer cancel() // whoever leaves closes the call, and the gateway closes the engine's
		stream, first, err := f.begin(ctx, request)
		if err != nil {
			writeFailure(w, gateway.FailureOf(err), e.names)
			return
		}
		w.Header().Set("X-Request-Id", first.GetStarted().GetResponseId())
		write := writeWhole
		if request.stream {
			write = writeStream
		}
		write(w, stream, e.answer(request, first.GetStarted()), e.names)
	}
}

// accepted also takes application/json for a stream, which is what clients of the OpenAI API send with every request.
func accepted(r *http.Request, stream bool) (kind string, ok bool) {
	kind = "application/json"
	offers := []string{kind}
	if stream {
		kind = "text/event-stream"
		offers = append(offers, kind)
	}
	return kind, guard.Accepted(r.Header.Values("Accept"), offers) != ""
}

// begin opens the stream and takes `started`. A route that shows no raw thoughts is asked again without them, unless the
// caller wanted them by name.
func (f *facade) begin(ctx context.Context, request *wanted) (calling, *pb.StreamGenerateResponse, error) {
	stream, first, err := f.open(ctx, request)
	if err != nil && !request.wantsReasoning && request.call.Reasoning.IncludeRaw {
		for _, violation := range gateway.FailureOf(err).Violations {
			if violation.Field == "reasoning.include_raw" {
				request.call.Reasoning.IncludeRaw = false
				return f.open(ctx, request)
			}
		}
	}
	return stream, first, err
}

func (f *facade) open(ctx context.Context, request *wanted) (calling, *pb.StreamGenerateResponse, error) {
	stream, err := f.client.StreamGenerate(ctx, request.call)
	if err != nil {
		return nil, nil, err
	}
	first, err := stream.Recv()
	return stream, first, err
}

// receive takes the next event. What a client of the OpenAI API has seen cannot be voided, so no restarts are accepted.
func receive(stream calling) (*pb.StreamGenerateResponse, error) {
	event, err := stream.Recv()
	if err == nil && event.GetRestarted() != nil {
		err = status.Error(codes.DataLoss, "RESTART_UNASKED: the gateway voided events, which was not accepted")
	}
	return event, err
}

// writeStream holds the head back until there is something to show, so that an engine that fails at once is told by the
// HTTP status, which clients of the OpenAI API act on.
func writeStream(w http.ResponseWriter, stream calling, answer answering, names *namer) {
	control := http.NewResponseController(w)
	begun := false
	send := func(text string) bool {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("X-Accel-Buffering", "no")
		}
		_, err := io.WriteString(w, text)
		return err == nil && control.Flush() == nil
	}
	for {
		event, err := receive(stream)
		if errors.Is(err, io.EOF) {
			send(answer.ended())
			return
		}
		if err != nil {
			failure := gateway.FailureOf(err)
			if !begun {
				writeFailure(w, failure, names)
				return
			}
			send(answer.failed(failure))
			return
		}
		frames := answer.frames(event)
		if event.GetHeartbeat() != nil {
			frames += ": ping\n\n"
		}
		if frames != "" && !send(frames) {
			return
		}
	}
}

func writeWhole(w http.ResponseWriter, stream calling, answer answering, names *namer) {
	for {
		event, err := receive(stream)
		if errors.Is(err, io.EOF) {
			writeJSON(w, http.StatusOK, answer.whole())
			return
		}
		if err == nil && answer.size() > mostAnswerBytes {
			err = gateway.Refuse(codes.FailedPrecondition, "the answer is too large to be told whole: stream it").Err()
		}
		if err != nil {
			writeFailure(w, gateway.FailureOf(err), names)
			return
		}
		answer.take(event)
	}
}

func encoded(value object) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // of our own making: maps, texts and numbers
	}
	return string(text)
}

func now() int64 { return time.Now().Unix() }
