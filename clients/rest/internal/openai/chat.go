package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pb "triphase.dev/clients/go/gatewayv1"
	"triphase.dev/clients/rest/internal/gateway"
	"triphase.dev/clients/rest/internal/guard"
)

// The most text of one whole answer, in bytes.
const mostAnswerBytes = 64 << 20

type calling = grpc.ServerStreamingClient[pb.StreamGenerateResponse]

func (f *facade) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // guard holds it already, whole and bounded
	if err != nil {
		Refuse(w, r, http.StatusBadRequest, "the body did not arrive whole")
		return
	}
	request, err := readChat(body)
	var found wrong
	if errors.As(err, &found) {
		refuseField(w, found)
		return
	}
	kind := "application/json"
	if request.stream {
		kind = "text/event-stream"
	}
	if guard.Accepted(r.Header.Values("Accept"), []string{kind}) == "" && guard.Accepted(r.Header.Values("Accept"), []string{"application/json"}) == "" {
		Refuse(w, r, http.StatusNotAcceptable, "this answer is "+kind)
		return
	}
	ctx, cancel := context.WithCancel(outgoing(r))
	defer cancel() // whoever leaves closes the call, and the gateway closes the engine's
	stream, first, err := f.begin(ctx, request)
	if err != nil {
		writeFailure(w, gateway.FailureOf(err))
		return
	}
	answer := newAnswer(request, first.GetStarted())
	w.Header().Set("X-Request-Id", first.GetStarted().GetResponseId())
	if request.stream {
		writeStream(w, stream, answer)
		return
	}
	writeWhole(w, stream, answer)
}

// begin opens the stream and takes `started`. A route that shows no raw thoughts is asked again without them, unless the
// caller wanted them by name.
func (f *facade) begin(ctx context.Context, request *chatRequest) (calling, *pb.StreamGenerateResponse, error) {
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

func (f *facade) open(ctx context.Context, request *chatRequest) (calling, *pb.StreamGenerateResponse, error) {
	stream, err := f.client.StreamGenerate(ctx, request.call)
	if err != nil {
		return nil, nil, err
	}
	first, err := stream.Recv()
	return stream, first, err
}

// writeStream holds the head back until there is something to show, so that an engine that fails at once is told by the
// HTTP status, which clients of the OpenAI API act on.
func writeStream(w http.ResponseWriter, stream calling, answer *answer) {
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
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			send("data: [DONE]\n\n")
			return
		}
		if err != nil {
			failure := gateway.FailureOf(err)
			if !begun {
				writeFailure(w, failure)
				return
			}
			send(frame(errorObject(failure))) // and no [DONE]: the answer is not whole
			return
		}
		var frames strings.Builder
		for _, chunk := range answer.chunks(event) {
			frames.WriteString(frame(chunk))
		}
		if event.GetHeartbeat() != nil {
			frames.WriteString(": ping\n\n")
		}
		if frames.Len() > 0 && !send(frames.String()) {
			return
		}
	}
}

func frame(value object) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // of our own making: maps, texts and numbers
	}
	return "data: " + string(text) + "\n\n"
}

func writeWhole(w http.ResponseWriter, stream calling, answer *answer) {
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			writeJSON(w, http.StatusOK, answer.whole())
			return
		}
		if err == nil && answer.bytes > mostAnswerBytes {
			err = gateway.Refuse(codes.FailedPrecondition, "the answer is too large to be told whole: stream it").Err()
		}
		if err != nil {
			writeFailure(w, gateway.FailureOf(err))
			return
		}
		answer.take(event)
	}
}

func now() int64 { return time.Now().Unix() }
