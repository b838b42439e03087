package openai

import (
	"encoding/json"
	"strings"

	"google.golang.org/grpc/codes"

	pb "triphase.dev/clients/go/gatewayv1"
	"triphase.dev/clients/rest/internal/gateway"
)

var responses = endpoint{
	read:   readResponses,
	answer: func(request *wanted, started *pb.Started) answering { return newResponse(request, started) },
	names:  responsesNames,
}

// Why a response is incomplete; other reasons to finish complete it.
var incomplete = map[pb.FinishReason]string{
	pb.FinishReason_FINISH_REASON_LENGTH:         "max_output_tokens",
	pb.FinishReason_FINISH_REASON_CONTENT_FILTER: "content_filter",
}

// The codes that the Responses API has for a response that failed; others are server_error.
var failures = map[codes.Code]string{
	codes.ResourceExhausted: "rate_limit_exceeded",
	codes.InvalidArgument:   "invalid_prompt",
}

// response makes of the gateway's events those of the Responses API, with sequence numbers of their own, and the response.
//
// Thoughts and their summary are `reasoning` items, output is `message` items, each tool call is a `function_call`
// item. An item is closed when another kind of item begins, calls when the answer ends or thinking goes on.
type response struct {
	request  *wanted
	started  *pb.Started
	created  int64
	sequence int
	opened   bool
	bytes    int
	prompt   strings.Builder
	output   []outputItem
	thoughts *reasoningItem
	message  *messageItem
	calls    map[int32]*callItem
	order    []*callItem
	final    object
	told     strings.Builder // frames of the event that is being taken
}

func newResponse(request *wanted, started *pb.Started) *response {
	return &response{request: request, started: started, created: now(), calls: map[int32]*callItem{}}
}

// id is the gateway's, with the separator of the Responses API.
func (r *response) id() string {
	return "resp_" + strings.TrimPrefix(r.started.GetResponseId(), "resp-")
}

// tell writes one event.
func (r *response) tell(kind string, members object) {
	members["type"], members["sequence_number"] = kind, r.sequence
	r.sequence++
	r.told.WriteString("event: " + kind + "\ndata: " + encoded(members) + "\n\n")
}

func (r *response) flush() string {
	frames := r.told.String()
	r.told.Reset()
	return frames
}

func (r *response) frames(event *pb.StreamGenerateResponse) string {
	r.feed(event)
	return r.flush()
}

func (r *response) take(event *pb.StreamGenerateResponse) {
	r.feed(event)
	r.told.Reset() // nobody is told before it is whole
}

func (r *response) feed(event *pb.StreamGenerateResponse) {
	switch event := event.GetEvent().(type) {
	case *pb.StreamGenerateResponse_PromptSummaryDelta:
		r.prompt.WriteString(event.PromptSummaryDelta.GetText())
		r.bytes += len(event.PromptSummaryDelta.GetText())
	case *pb.StreamGenerateResponse_Heartbeat:
		r.open()
	case *pb.StreamGenerateResponse_PhaseStarted:
		if event.PhaseStarted.GetPhase() == pb.Phase_PHASE_REASONING_SUMMARY {
			r.close("completed")
		}
	case *pb.StreamGenerateResponse_ReasoningSummaryDelta:
		r.reasoning().summarize(r, event.ReasoningSummaryDelta)
	case *pb.StreamGenerateResponse_ReasoningDelta:
		r.reasoning().think(r, event.ReasoningDelta.GetText())
	case *pb.StreamGenerateResponse_OutputDelta:
		r.speaking().say(r, event.OutputDelta.GetText())
	case *pb.StreamGenerateResponse_ToolCallDelta:
		r.call(event.ToolCallDelta)
	case *pb.StreamGenerateResponse_Completed:
		r.complete(event.Completed)
	}
}

// open tells that the response exists, once there is something to show.
func (r *response) open() {
	if r.opened {
		return
	}
	r.opened = true
	r.tell("response.created", object{"response": r.object("in_progress")})
	r.tell("response.in_progress", object{"response": r.object("in_progress")})
}

// begin adds an item and returns its place.
func (r *response) begin(item outputItem) int {
	r.open()
	r.output = append(r.output, item)
	return len(r.output) - 1
}

// grow counts what is kept of a text.
func (r *response) grow(text *strings.Builder, more string) {
	text.WriteString(more)
	r.bytes += len(more)
}

func (r *response) reasoning() *reasoningItem {
	if r.thoughts == nil {
		r.closeMessage("completed")
		r.thoughts = newReasoning(r)
	}
	return r.thoughts
}

func (r *response) speaking() *messageItem {
	if r.message == nil {
		r.closeReasoning("completed")
		r.message = newMessage(r)
	}
	return r.message
}

func (r *response) call(delta *pb.ToolCallDelta) {
	call, ok := r.calls[delta.GetIndex()]
	if !ok {
		r.closeReasoning("completed")
		r.closeMessage("completed")
		call = newCall(r, delta)
		r.calls[delta.GetIndex()] = call
		r.order = append(r.order, call)
	}
	call.argue(r, delta.GetArguments())
}

func (r *response) closeReasoning(status string) {
	if r.thoughts != nil {
		r.thoughts.close(r, status)
		r.thoughts = nil
	}
}

func (r *response) closeMessage(status string) {
	if r.message != nil {
		r.message.close(r, status)
		r.message = nil
	}
}

func (r *response) close(status string) {
	r.closeReasoning(status)
	r.closeMessage(status)
	for _, call := range r.order {
		call.close(r, status)
	}
	r.order = nil
}

func (r *response) complete(completed *pb.Completed) {
	r.open()
	status := "completed"
	reason, cut := incomplete[completed.GetFinishReason()]
	if cut {
		status = "incomplete"
	}
	r.close(status)
	whole := r.object(status)
	whole["usage"] = responseUsage(completed.GetUsage())
	if cut {
		whole["incomplete_details"] = object{"reason": reason}
	}
	r.final = whole
	r.tell("response."+status, object{"response": whole})
}

func (r *response) whole() object { return r.final }
func (r *response) size() int     { return r.bytes }
func (r *response) ended() string { return "" } // the last event was the end; the API knows no [DONE] here

func (r *response) failed(failure gateway.Failure) string {
	r.open()
	whole := r.object("failed")
	code, ok := failures[failure.Code]
	if !ok {
		code = "server_error"
	}
	whole["error"] = object{"code": code, "message": failure.Message, "reason": failure.Reason}
	r.tell("response.failed", object{"response": whole})
	return r.flush()
}

// object is the response as it stands: what was asked for, as it was given, and the items.
func (r *response) object(status string) object {
	items := []object{}
	for _, item := range r.output {
		items = append(items, item.object())
	}
	asked := func(name, unsaid string) json.RawMessage {
		if value, ok := r.request.given[name]; ok && !isNull(value) {
			return value
		}
		return json.RawMessage(unsaid)
	}
	return object{
		"id": r.id(), "object": "response", "created_at": r.created, "status": status, "model": r.request.call.GetModel(),
		"output": items, "error": nil, "incomplete_details": nil, "usage": nil, "previous_response_id": nil, "store": false,
		"instructions": asked("instructions", "null"), "max_output_tokens": asked("max_output_tokens", "null"),
		"metadata": asked("metadata", "{}"), "parallel_tool_calls": asked("parallel_tool_calls", "true"),
		"reasoning": asked("reasoning", "{}"), "temperature": asked("temperature", "null"),
		"text": asked("text", `{"format":{"type":"text"}}`), "tool_choice": asked("tool_choice", `"auto"`),
		"tools": asked("tools", "[]"), "top_p": asked("top_p", "null"), "truncation": "disabled",
		"triphase": object{"prompt_summary": r.prompt.String()},
	}
}

func responseUsage(u *pb.Usage) object {
	return object{
		"input_tokens": u.GetInputTokens(), "output_tokens": u.GetOutputTokens(),
		"total_tokens":          u.GetInputTokens() + u.GetOutputTokens(),
		"input_tokens_details":  object{"cached_tokens": u.GetCachedTokens(), "cache_write_tokens": 0},
		"output_tokens_details": object{"reasoning_tokens": u.GetReasoningTokens()},
	}
}
