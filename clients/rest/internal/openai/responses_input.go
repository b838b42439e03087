package openai

import (
	"encoding/json"
	"fmt"
	"strings"

	pb "triphase.dev/clients/go/gatewayv1"
)

// item is one entry of `input`, of any type that is known here.
type item struct {
	Type      string          `json:"type"`
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"`
}

// turns puts items together: what a model thought, said and called in one turn are several items there, one message here.
type turns struct {
	request  *wanted
	thoughts string      // of the turn that comes next
	open     *pb.Message // the assistant turn that calls still belong to
}

func readInput(request *wanted, value json.RawMessage) error {
	var whole string
	if json.Unmarshal(value, &whole) == nil {
		request.call.Messages = append(request.call.Messages, &pb.Message{
			Role: pb.Role_ROLE_USER, Content: []*pb.ContentPart{text(whole)},
		})
		return nil
	}
	var items []item
	if err := json.Unmarshal(value, &items); err != nil {
		return wrong{"input", "must be a text or a list of items"}
	}
	turns := &turns{request: request}
	for index, given := range items {
		if err := turns.take(given, fmt.Sprintf("input[%d]", index)); err != nil {
			return err
		}
	}
	return nil
}

func (t *turns) take(given item, name string) error {
	switch given.Type {
	case "", "message":
		return t.message(given, name)
	case "reasoning":
		return t.reasoning(given, name)
	case "function_call":
		if t.open == nil {
			t.add(&pb.Message{Role: pb.Role_ROLE_ASSISTANT})
		}
		t.open.ToolCalls = append(t.open.ToolCalls, &pb.ToolCall{
			Id: given.CallID, Name: given.Name, Arguments: given.Arguments,
		})
		return nil
	case "function_call_output":
		content, err := readParts(given.Output, name+".output")
		if err != nil {
			return err
		}
		if len(content) == 0 { // tools do say nothing; the gateway takes no empty text
			content = []*pb.ContentPart{text(" ")}
		}
		t.add(&pb.Message{Role: pb.Role_ROLE_TOOL, ToolCallId: given.CallID, Content: content})
		return nil
	}
	return wrong{name + ".type", "must be message, reasoning, function_call or function_call_output"}
}

func (t *turns) message(given item, name string) error {
	role, ok := roles[given.Role]
	if !ok || role == pb.Role_ROLE_TOOL {
		return wrong{name + ".role", "must be system, developer, user or assistant"}
	}
	content, err := readParts(given.Content, name+".content")
	if err != nil {
		return err
	}
	t.add(&pb.Message{Role: role, Content: content})
	return nil
}

// add begins a turn; calls that follow an assistant's belong to it.
func (t *turns) add(turn *pb.Message) {
	t.open = nil
	if turn.Role == pb.Role_ROLE_ASSISTANT {
		t.open, turn.Reasoning = turn, t.thoughts
	}
	t.thoughts = ""
	t.request.call.Messages = append(t.request.call.Messages, turn)
}

// reasoning keeps raw thoughts for models that want them back; summaries are none, and are left out.
func (t *turns) reasoning(given item, name string) error {
	var parts []struct {
		Text string `json:"text"`
	}
	if len(given.Content) > 0 && !isNull(given.Content) {
		if err := json.Unmarshal(given.Content, &parts); err != nil {
			return wrong{name + ".content", "must be a list of parts"}
		}
	}
	var thoughts strings.Builder
	for _, part := range parts {
		thoughts.WriteString(part.Text)
	}
	t.open, t.thoughts = nil, t.thoughts+thoughts.String()
	return nil
}

func readParts(value json.RawMessage, name string) ([]*pb.ContentPart, error) {
	var given []struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Refusal  string `json:"refusal"`
		ImageURL string `json:"image_url"`
		Detail   string `json:"detail"`
	}
	if json.Unmarshal(value, &given) != nil || isNull(value) {
		return readContent(value, name) // a text, or null
	}
	var parts []*pb.ContentPart
	for index, part := range given {
		switch part.Type {
		case "input_text", "output_text", "refusal":
			if said := part.Text + part.Refusal; said != "" {
				parts = append(parts, text(said))
			}
		case "input_image":
			if part.ImageURL == "" {
				return nil, wrong{fmt.Sprintf("%s[%d].image_url", name, index), "is missing: files cannot be named by id"}
			}
			parts = append(parts, image(part.ImageURL, part.Detail))
		default:
			return nil, wrong{fmt.Sprintf("%s[%d].type", name, index), "must be input_text, input_image, output_text or refusal"}
		}
	}
	return parts, nil
}
