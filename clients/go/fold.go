package triphase

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"triphase.dev/clients/go/gatewayv1"
)

// Fold makes one response of the events of a stream, from anywhere, and holds the stream to the rules of the protocol.
//
// It is what Generate does inside the gateway, and testdata/events are its vectors in every language. Members that it
// does not know count for the sequence and are otherwise ignored. The zero value is ready for event 0.
type Fold struct {
	due      int32
	complete bool
	kept     []Event
}

// Feed takes the next event. An [*Error] names the rule that it breaks, and leaves the fold as it was.
func (f *Fold) Feed(event Event) error {
	if err := f.check(event); err != nil {
		return err
	}
	f.due++
	switch body := event.Body.(type) {
	case *Restarted:
		f.kept = slices.DeleteFunc(f.kept, func(kept Event) bool { return kept.Sequence >= body.DiscardFromSequence })
	case *Completed:
		f.complete = true
		f.kept = append(f.kept, event)
	case *Started, *PromptSummaryDelta, *ReasoningSummaryDelta, *ReasoningDelta, *OutputDelta, *ToolCallDelta:
		f.kept = append(f.kept, event)
	}
	return nil
}

func (f *Fold) check(event Event) error {
	_, started := event.Body.(*Started)
	switch {
	case f.complete:
		return broken(CompletedLast, "event %d came after `completed`", event.Sequence)
	case event.Sequence != f.due:
		return broken(SequenceWithoutGaps, "event %d came where %d was due", event.Sequence, f.due)
	case event.Sequence == 0 && !started:
		return broken(StartedFirst, "the stream did not begin with `started`")
	}
	return nil
}

// Response returns the whole response, built anew; an [*Error] where the stream has not completed.
func (f *Fold) Response() (*Response, error) {
	if !f.complete {
		return nil, completedMissing()
	}
	return f.SoFar(), nil
}

// SoFar returns what has come until now, built anew: Completed may be unset.
func (f *Fold) SoFar() *Response {
	var prompt, reasoning, output strings.Builder
	parts := summary{map[int32]*growing[*gatewayv1.ReasoningSummaryPart]{}, map[int32]bool{}}
	calls := toolCalls{}
	response := &Response{}
	for _, event := range f.kept {
		switch body := event.Body.(type) {
		case *Started:
			response.ResponseId, response.Route = body.ResponseId, body.Route
			response.ClientRequestId = body.ClientRequestId
		case *PromptSummaryDelta:
			prompt.WriteString(body.Text)
		case *ReasoningSummaryDelta:
			parts.add(body)
		case *ReasoningDelta:
			reasoning.WriteString(body.Text)
		case *OutputDelta:
			output.WriteString(body.Text)
		case *ToolCallDelta:
			calls.add(body)
		case *Completed:
			response.Completed = proto.CloneOf(body)
		}
	}
	response.PromptSummary, response.Reasoning, response.Output = prompt.String(), reasoning.String(), output.String()
	response.ReasoningSummary, response.ToolCalls = parts.ordered(), calls.ordered()
	return response
}

// A growing value has a text that comes in pieces.
type growing[T any] struct {
	value T
	text  strings.Builder
}

// A summary has the parts of a reasoning summary by their index, and which of them later ones replaced.
type summary struct {
	parts    map[int32]*growing[*gatewayv1.ReasoningSummaryPart]
	replaced map[int32]bool
}

func (s *summary) add(delta *ReasoningSummaryDelta) {
	part := s.parts[delta.PartIndex]
	if part == nil {
		part = &growing[*gatewayv1.ReasoningSummaryPart]{value: &gatewayv1.ReasoningSummaryPart{Source: delta.Source}}
		s.parts[delta.PartIndex] = part
	}
	part.text.WriteString(delta.Text)
	if delta.ReplacesPartIndex != nil {
		s.replaced[*delta.ReplacesPartIndex] = true
	}
}

func (s *summary) ordered() []*gatewayv1.ReasoningSummaryPart {
	var ordered []*gatewayv1.ReasoningSummaryPart
	for _, index := range slices.Sorted(maps.Keys(s.parts)) {
		if part := s.parts[index]; !s.replaced[index] {
			part.value.Text = part.text.String()
			ordered = append(ordered, part.value)
		}
	}
	return ordered
}

// Calls of tools by their index; id and name come with the first delta.
type toolCalls map[int32]*growing[*gatewayv1.ToolCall]

func (c toolCalls) add(delta *ToolCallDelta) {
	call := c[delta.Index]
	if call == nil {
		call = &growing[*gatewayv1.ToolCall]{value: &gatewayv1.ToolCall{Id: delta.Id, Name: delta.Name}}
		c[delta.Index] = call
	}
	call.text.WriteString(delta.Arguments)
}

func (c toolCalls) ordered() []*gatewayv1.ToolCall {
	var ordered []*gatewayv1.ToolCall
	for _, index := range slices.Sorted(maps.Keys(c)) {
		c[index].value.Arguments = c[index].text.String()
		ordered = append(ordered, c[index].value)
	}
	return ordered
}
