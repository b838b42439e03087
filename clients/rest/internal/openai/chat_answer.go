package openai

import (
	"strings"

	pb "triphase.dev/clients/go/gatewayv1"
	"triphase.dev/clients/rest/internal/gateway"
)

var chat = endpoint{
	read:   readChat,
	answer: func(request *wanted, started *pb.Started) answering { return newAnswer(request, started) },
	names:  chatNames,
}

var finishes = map[pb.FinishReason]string{
	pb.FinishReason_FINISH_REASON_LENGTH:         "length",
	pb.FinishReason_FINISH_REASON_TOOL_CALLS:     "tool_calls",
	pb.FinishReason_FINISH_REASON_CONTENT_FILTER: "content_filter",
}

func finish(reason pb.FinishReason) string {
	if name, ok := finishes[reason]; ok {
		return name
	}
	return "stop"
}

// answer makes chunks of events, or one whole completion.
type answer struct {
	request *wanted
	id      string
	created int64
	opened  bool // whether the chunk with the role has gone out
	bytes   int

	output, reasoning, prompt strings.Builder
	calls                     []*pb.ToolCall
	summary                   []object
	parts                     map[int32]int // part index → place in summary
	completed                 *pb.Completed
}

func newAnswer(request *wanted, started *pb.Started) *answer {
	return &answer{request: request, id: "chatcmpl-" + started.GetResponseId(), created: now(), parts: map[int32]int{}}
}

func (a *answer) chunk(delta object, finish any) object {
	return object{
		"id": a.id, "object": "chat.completion.chunk", "created": a.created, "model": a.request.call.GetModel(),
		"choices": []object{{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": nil}},
	}
}

// chunks returns what an event adds to a stream; most that is not a delta adds nothing.
func (a *answer) chunks(event *pb.StreamGenerateResponse) []object {
	if completed := event.GetCompleted(); completed != nil {
		chunks := append(a.open(), a.chunk(object{}, finish(completed.GetFinishReason())))
		if a.request.includeUsage {
			last := a.chunk(nil, nil)
			last["choices"], last["usage"] = []object{}, usage(completed.GetUsage())
			chunks = append(chunks, last)
		}
		return chunks
	}
	delta := a.delta(event)
	if delta == nil {
		return nil
	}
	return append(a.open(), a.chunk(delta, nil))
}

func (a *answer) frames(event *pb.StreamGenerateResponse) string {
	var frames strings.Builder
	for _, chunk := range a.chunks(event) {
		frames.WriteString(frame(chunk))
	}
	return frames.String()
}

// failed tells it in band, and there is no [DONE]: the answer is not whole.
func (a *answer) failed(failure gateway.Failure) string {
	return frame(errorObject(failure, chatNames))
}

func (a *answer) ended() string { return "data: [DONE]\n\n" }

func (a *answer) size() int { return a.bytes }

func frame(value object) string { return "data: " + encoded(value) + "\n\n" }

func (a *answer) open() []object {
	if a.opened {
		return nil
	}
	a.opened = true
	return []object{a.chunk(object{"role": "assistant", "content": ""}, nil)}
}

func (a *answer) delta(event *pb.StreamGenerateResponse) object {
	switch event := event.GetEvent().(type) {
	case *pb.StreamGenerateResponse_OutputDelta:
		return object{"content": event.OutputDelta.GetText()}
	case *pb.StreamGenerateResponse_ReasoningDelta:
		text := event.ReasoningDelta.GetText()
		return object{"reasoning": text, "reasoning_content": text} // clients know either name
	case *pb.StreamGenerateResponse_ToolCallDelta:
		call := event.ToolCallDelta
		function, delta := object{"arguments": call.GetArguments()}, object{"index": call.GetIndex()}
		if call.GetId() != "" {
			delta["id"], delta["type"], function["name"] = call.GetId(), "function", call.GetName()
		}
		delta["function"] = function
		return object{"tool_calls": []object{delta}}
	case *pb.StreamGenerateResponse_PromptSummaryDelta:
		if a.request.summaries {
			return object{"triphase": object{"prompt_summary": event.PromptSummaryDelta.GetText()}}
		}
	case *pb.StreamGenerateResponse_ReasoningSummaryDelta:
		if a.request.summaries {
			return object{"triphase": object{"reasoning_summary": part(event.ReasoningSummaryDelta)}}
		}
	}
	return nil
}

func part(delta *pb.ReasoningSummaryDelta) object {
	part := object{"part_index": delta.GetPartIndex(), "text": delta.GetText()}
	if delta.ReplacesPartIndex != nil {
		part["replaces_part_index"] = delta.GetReplacesPartIndex()
	}
	return part
}

// take keeps an event for the whole answer.
func (a *answer) take(event *pb.StreamGenerateResponse) {
	switch event := event.GetEvent().(type) {
	case *pb.StreamGenerateResponse_OutputDelta:
		a.grow(&a.output, event.OutputDelta.GetText())
	case *pb.StreamGenerateResponse_ReasoningDelta:
		a.grow(&a.reasoning, event.ReasoningDelta.GetText())
	case *pb.StreamGenerateResponse_PromptSummaryDelta:
		a.grow(&a.prompt, event.PromptSummaryDelta.GetText())
	case *pb.StreamGenerateResponse_ReasoningSummaryDelta:
		a.takePart(event.ReasoningSummaryDelta)
	case *pb.StreamGenerateResponse_ToolCallDelta:
		delta := event.ToolCallDelta
		if delta.GetId() != "" {
			a.calls = append(a.calls, &pb.ToolCall{Id: delta.GetId(), Name: delta.GetName()})
		}
		if index := int(delta.GetIndex()); index >= 0 && index < len(a.calls) {
			a.calls[index].Arguments += delta.GetArguments()
		}
		a.bytes += len(delta.GetArguments())
	case *pb.StreamGenerateResponse_Completed:
		a.completed = event.Completed
	}
}

func (a *answer) grow(text *strings.Builder, more string) {
	text.WriteString(more)
	a.bytes += len(more)
}

func (a *answer) takePart(delta *pb.ReasoningSummaryDelta) {
	a.bytes += len(delta.GetText())
	if place, ok := a.parts[delta.GetPartIndex()]; ok {
		a.summary[place]["text"] = a.summary[place]["text"].(string) + delta.GetText()
		return
	}
	a.parts[delta.GetPartIndex()] = len(a.summary)
	a.summary = append(a.summary, part(delta))
}

func (a *answer) whole() object {
	message := object{"role": "assistant", "content": a.output.String(), "refusal": nil}
	if a.reasoning.Len() > 0 {
		message["reasoning"], message["reasoning_content"] = a.reasoning.String(), a.reasoning.String()
	}
	if len(a.calls) > 0 {
		calls := []object{}
		for _, call := range a.calls {
			calls = append(calls, object{
				"id": call.GetId(), "type": "function",
				"function": object{"name": call.GetName(), "arguments": call.GetArguments()},
			})
		}
		message["tool_calls"] = calls
		if a.output.Len() == 0 {
			message["content"] = nil
		}
	}
	if a.request.summaries {
		message["triphase"] = object{"prompt_summary": a.prompt.String(), "reasoning_summary": a.summary}
	}
	return object{
		"id": a.id, "object": "chat.completion", "created": a.created, "model": a.request.call.GetModel(),
		"choices": []object{{
			"index": 0, "message": message, "finish_reason": finish(a.completed.GetFinishReason()), "logprobs": nil,
		}},
		"usage": usage(a.completed.GetUsage()),
	}
}

func usage(u *pb.Usage) object {
	return object{
		"prompt_tokens": u.GetInputTokens(), "completion_tokens": u.GetOutputTokens(),
		"total_tokens":              u.GetInputTokens() + u.GetOutputTokens(),
		"prompt_tokens_details":     object{"cached_tokens": u.GetCachedTokens()},
		"completion_tokens_details": object{"reasoning_tokens": u.GetReasoningTokens()},
	}
}
