package triphase

import (
	"google.golang.org/protobuf/proto"

	"triphase.dev/clients/go/gatewayv1"
)

// Shorter names of messages of the contract: what callers name most. The types are the same.
type (
	// Request asks for a streamed response.
	Request = gatewayv1.StreamGenerateRequest
	// Response is a whole response.
	Response = gatewayv1.GenerateResponse
	// Message is one turn of a conversation.
	Message = gatewayv1.Message
	// Model describes a model that the caller may use.
	Model = gatewayv1.Model
)

// What an [Event] may have as its body.
type (
	// Started opens the stream.
	Started = gatewayv1.Started
	// PhaseStarted opens a phase.
	PhaseStarted = gatewayv1.PhaseStarted
	// PromptSummaryDelta adds to the prompt summary.
	PromptSummaryDelta = gatewayv1.PromptSummaryDelta
	// ReasoningSummaryDelta adds to a part of the reasoning summary.
	ReasoningSummaryDelta = gatewayv1.ReasoningSummaryDelta
	// ReasoningDelta adds to the raw thoughts.
	ReasoningDelta = gatewayv1.ReasoningDelta
	// OutputDelta adds to the answer.
	OutputDelta = gatewayv1.OutputDelta
	// ToolCallDelta adds to a tool call.
	ToolCallDelta = gatewayv1.ToolCallDelta
	// PhaseCompleted closes a phase.
	PhaseCompleted = gatewayv1.PhaseCompleted
	// AttemptStarted tells that a deployment is asked.
	AttemptStarted = gatewayv1.AttemptStarted
	// Heartbeat shows that the gateway is alive while it waits.
	Heartbeat = gatewayv1.Heartbeat
	// Restarted voids a part of the stream.
	Restarted = gatewayv1.Restarted
	// Completed ends a successful stream.
	Completed = gatewayv1.Completed
)

// Event is one event of a stream.
type Event struct {
	// Sequence counts 0, 1, 2, … without gaps.
	Sequence int32
	// Body says what happened: a *[Started], a *[OutputDelta] or another of the types above. It is nil where this
	// client does not know the member, which is to be ignored.
	Body proto.Message
	// Message is the event as it came.
	Message *gatewayv1.StreamGenerateResponse
}

// NewEvent reads a message of the contract, from a stream or from a log.
func NewEvent(message *gatewayv1.StreamGenerateResponse) Event {
	return Event{Sequence: message.GetSequence(), Body: body(message), Message: message}
}

var member = (&gatewayv1.StreamGenerateResponse{}).ProtoReflect().Descriptor().Oneofs().ByName("event")

func body(message *gatewayv1.StreamGenerateResponse) proto.Message {
	reflected := message.ProtoReflect()
	set := reflected.WhichOneof(member)
	if set == nil {
		return nil
	}
	return reflected.Get(set).Message().Interface()
}
