package openai

import (
	"fmt"
	"strings"

	pb "triphase.dev/clients/go/gatewayv1"
)

// outputItem is one entry of a response's output.
type outputItem interface{ object() object }

// placed is where an item is, and how it stands.
type placed struct {
	id     string
	index  int
	status string
}

func place(r *response, prefix string, item outputItem) placed {
	index := r.begin(item)
	return placed{id: fmt.Sprintf("%s_%s_%d", prefix, strings.TrimPrefix(r.id(), "resp_"), index), index: index, status: "in_progress"}
}

// at begins the members of an event about the item.
func (p placed) at(more object) object {
	more["item_id"], more["output_index"] = p.id, p.index
	return more
}

func announce(r *response, p placed, item outputItem) {
	r.tell("response.output_item.added", object{"output_index": p.index, "item": item.object()})
}

func finishItem(r *response, p *placed, item outputItem, status string) {
	p.status = status
	r.tell("response.output_item.done", object{"output_index": p.index, "item": item.object()})
}

// reasoningItem holds the parts of a summary, and raw thoughts where the request asked for them.
type reasoningItem struct {
	placed
	parts    []*summaryPart
	indices  map[int32]int // part_index of the gateway → summary_index
	thoughts strings.Builder
	open     bool // whether the last part is
}

type summaryPart struct {
	text     strings.Builder
	replaces *int // the part of this item that it corrects
}

func (p *summaryPart) object() object {
	part := object{"type": "summary_text", "text": p.text.String()}
	if p.replaces != nil {
		part["replaces_summary_index"] = *p.replaces
	}
	return part
}

func newReasoning(r *response) *reasoningItem {
	item := &reasoningItem{indices: map[int32]int{}}
	item.placed = place(r, "rs", item)
	announce(r, item.placed, item)
	return item
}

func (i *reasoningItem) summarize(r *response, delta *pb.ReasoningSummaryDelta) {
	index, ok := i.indices[delta.GetPartIndex()]
	if !ok {
		i.closePart(r)
		index = len(i.parts)
		part := &summaryPart{}
		if earlier, ok := i.indices[delta.GetReplacesPartIndex()]; ok && delta.ReplacesPartIndex != nil {
			part.replaces = &earlier
		}
		i.indices[delta.GetPartIndex()], i.parts, i.open = index, append(i.parts, part), true
		r.tell("response.reasoning_summary_part.added", i.at(object{"summary_index": index, "part": part.object()}))
	}
	r.grow(&i.parts[index].text, delta.GetText())
	r.tell("response.reasoning_summary_text.delta", i.at(object{"summary_index": index, "delta": delta.GetText()}))
}

func (i *reasoningItem) closePart(r *response) {
	if !i.open {
		return
	}
	i.open = false
	index := len(i.parts) - 1
	part := i.parts[index]
	r.tell("response.reasoning_summary_text.done", i.at(object{"summary_index": index, "text": part.text.String()}))
	r.tell("response.reasoning_summary_part.done", i.at(object{"summary_index": index, "part": part.object()}))
}

func (i *reasoningItem) think(r *response, text string) {
	if i.thoughts.Len() == 0 {
		part := object{"type": "reasoning_text", "text": ""}
		r.tell("response.content_part.added", i.at(object{"content_index": 0, "part": part}))
	}
	r.grow(&i.thoughts, text)
	r.tell("response.reasoning_text.delta", i.at(object{"content_index": 0, "delta": text}))
}

func (i *reasoningItem) close(r *response, status string) {
	i.closePart(r)
	if text := i.thoughts.String(); text != "" {
		r.tell("response.reasoning_text.done", i.at(object{"content_index": 0, "text": text}))
		part := object{"type": "reasoning_text", "text": text}
		r.tell("response.content_part.done", i.at(object{"content_index": 0, "part": part}))
	}
	finishItem(r, &i.placed, i, status)
}

func (i *reasoningItem) object() object {
	summary := []object{}
	for _, part := range i.parts {
		summary = append(summary, part.object())
	}
	item := object{"id": i.id, "type": "reasoning", "status": i.status, "summary": summary}
	if i.thoughts.Len() > 0 {
		item["content"] = []object{{"type": "reasoning_text", "text": i.thoughts.String()}}
	}
	return item
}

// messageItem is output.
type messageItem struct {
	placed
	text strings.Builder
}

func newMessage(r *response) *messageItem {
	item := &messageItem{}
	item.placed = place(r, "msg", item)
	announce(r, item.placed, item)
	r.tell("response.content_part.added", item.at(object{"content_index": 0, "part": item.part()}))
	return item
}

func (m *messageItem) say(r *response, text string) {
	r.grow(&m.text, text)
	r.tell("response.output_text.delta", m.at(object{"content_index": 0, "delta": text, "logprobs": []object{}}))
}

func (m *messageItem) close(r *response, status string) {
	r.tell("response.output_text.done", m.at(object{"content_index": 0, "text": m.text.String(), "logprobs": []object{}}))
	r.tell("response.content_part.done", m.at(object{"content_index": 0, "part": m.part()}))
	finishItem(r, &m.placed, m, status)
}

func (m *messageItem) part() object {
	return object{"type": "output_text", "text": m.text.String(), "annotations": []object{}, "logprobs": []object{}}
}

func (m *messageItem) object() object {
	content := []object{}
	if m.text.Len() > 0 {
		content = append(content, m.part())
	}
	return object{"id": m.id, "type": "message", "role": "assistant", "status": m.status, "content": content}
}

// callItem is a call of a tool.
type callItem struct {
	placed
	callID, name string
	arguments    strings.Builder
}

func newCall(r *response, delta *pb.ToolCallDelta) *callItem {
	item := &callItem{callID: delta.GetId(), name: delta.GetName()}
	item.placed = place(r, "fc", item)
	announce(r, item.placed, item)
	return item
}

func (c *callItem) argue(r *response, arguments string) {
	if arguments == "" {
		return
	}
	r.grow(&c.arguments, arguments)
	r.tell("response.function_call_arguments.delta", c.at(object{"delta": arguments}))
}

func (c *callItem) close(r *response, status string) {
	r.tell("response.function_call_arguments.done", c.at(object{"arguments": c.arguments.String(), "name": c.name}))
	finishItem(r, &c.placed, c, status)
}

func (c *callItem) object() object {
	return object{
		"id": c.id, "type": "function_call", "call_id": c.callID, "name": c.name, "arguments": c.arguments.String(),
		"status": c.status,
	}
}
