package openai

import (
	"encoding/json"
	"fmt"

	pb "triphase.dev/clients/go/gatewayv1"
)

var roles = map[string]pb.Role{
	"system": pb.Role_ROLE_SYSTEM, "developer": pb.Role_ROLE_DEVELOPER, "user": pb.Role_ROLE_USER,
	"assistant": pb.Role_ROLE_ASSISTANT, "tool": pb.Role_ROLE_TOOL,
}

type message struct {
	Role             string          `json:"role"`
	Content          json.RawMessage `json:"content"`
	Name             string          `json:"name"`
	ToolCallID       string          `json:"tool_call_id"`
	Reasoning        string          `json:"reasoning"`
	ReasoningContent string          `json:"reasoning_content"`
	ToolCalls        []struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

func readMessages(request *wanted, value json.RawMessage) error {
	var messages []message
	if err := json.Unmarshal(value, &messages); err != nil {
		return err
	}
	for index, given := range messages {
		name := fmt.Sprintf("messages[%d]", index)
		role, ok := roles[given.Role]
		if !ok {
			return wrong{name + ".role", "must be system, developer, user, assistant or tool"}
		}
		turn := &pb.Message{Role: role, Name: given.Name, ToolCallId: given.ToolCallID, Reasoning: given.Reasoning}
		if turn.Reasoning == "" {
			turn.Reasoning = given.ReasoningContent
		}
		var err error
		if turn.Content, err = readContent(given.Content, name+".content"); err != nil {
			return err
		}
		if len(turn.Content) == 0 && role == pb.Role_ROLE_TOOL { // tools do say nothing; the gateway takes no empty text
			turn.Content = []*pb.ContentPart{text(" ")}
		}
		for at, call := range given.ToolCalls {
			if call.Type != "" && call.Type != "function" {
				return wrong{fmt.Sprintf("%s.tool_calls[%d].type", name, at), "must be function"}
			}
			turn.ToolCalls = append(turn.ToolCalls, &pb.ToolCall{
				Id: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments,
			})
		}
		request.call.Messages = append(request.call.Messages, turn)
	}
	return nil
}

func text(text string) *pb.ContentPart {
	return &pb.ContentPart{Part: &pb.ContentPart_Text{Text: text}}
}

func image(url, detail string) *pb.ContentPart {
	return &pb.ContentPart{Part: &pb.ContentPart_Image{Image: &pb.Image{Source: &pb.Image_Url{Url: url}, Detail: detail}}}
}

func readContent(value json.RawMessage, name string) ([]*pb.ContentPart, error) {
	if len(value) == 0 || isNull(value) {
		return nil, nil
	}
	var whole string
	if json.Unmarshal(value, &whole) == nil {
		if whole == "" {
			return nil, nil
		}
		return []*pb.ContentPart{text(whole)}, nil
	}
	var given []struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		ImageURL struct {
			URL    string `json:"url"`
			Detail string `json:"detail"`
		} `json:"image_url"`
	}
	if json.Unmarshal(value, &given) != nil {
		return nil, wrong{name, "must be a text or a list of parts"}
	}
	var parts []*pb.ContentPart
	for index, part := range given {
		switch part.Type {
		case "text":
			parts = append(parts, text(part.Text))
		case "image_url":
			parts = append(parts, image(part.ImageURL.URL, part.ImageURL.Detail))
		default:
			return nil, wrong{fmt.Sprintf("%s[%d].type", name, index), "must be text or image_url"}
		}
	}
	return parts, nil
}

// function is a function that the model may call, in both endpoints.
type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Strict      *bool           `json:"strict"`
}

func readTools(request *wanted, value json.RawMessage) error {
	var tools []struct {
		Type     string   `json:"type"`
		Function function `json:"function"`
	}
	if err := json.Unmarshal(value, &tools); err != nil {
		return err
	}
	for index, tool := range tools {
		if err := takeTool(request, tool.Type, tool.Function, index); err != nil {
			return err
		}
	}
	return nil
}

func takeTool(request *wanted, kind string, given function, index int) error {
	if kind != "function" {
		return wrong{fmt.Sprintf("tools[%d].type", index), "must be function"}
	}
	schema := string(given.Parameters)
	if schema == "null" {
		schema = ""
	}
	request.call.Tools = append(request.call.Tools, &pb.Tool{
		Name: given.Name, Description: given.Description, ParametersSchema: schema, Strict: given.Strict,
	})
	return nil
}

var modes = map[string]pb.ToolChoiceMode{
	"none": pb.ToolChoiceMode_TOOL_CHOICE_MODE_NONE, "auto": pb.ToolChoiceMode_TOOL_CHOICE_MODE_AUTO,
	"required": pb.ToolChoiceMode_TOOL_CHOICE_MODE_REQUIRED,
}

func readToolChoice(request *wanted, value json.RawMessage) error {
	var mode string
	if json.Unmarshal(value, &mode) == nil {
		if modes[mode] == 0 {
			return wrong{"tool_choice", "must be none, auto, required or a function"}
		}
		request.call.ToolChoice = &pb.ToolChoice{Choice: &pb.ToolChoice_Mode{Mode: modes[mode]}}
		return nil
	}
	var named struct {
		Type     string `json:"type"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	if err := json.Unmarshal(value, &named); err != nil {
		return err
	}
	if named.Type != "function" {
		return wrong{"tool_choice.type", "must be function"}
	}
	request.call.ToolChoice = &pb.ToolChoice{Choice: &pb.ToolChoice_Tool{Tool: named.Function.Name}}
	return nil
}

// schemed is a JSON Schema that the output is to fit, in both endpoints.
type schemed struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"schema"`
	Strict      *bool           `json:"strict"`
}

type formatted struct {
	Type       string  `json:"type"`
	JSONSchema schemed `json:"json_schema"`
}

func readFormat(request *wanted, value json.RawMessage) error {
	var given formatted
	if err := json.Unmarshal(value, &given); err != nil {
		return err
	}
	return takeFormat(request, given.Type, given.JSONSchema, "response_format")
}

func takeFormat(request *wanted, kind string, schema schemed, field string) error {
	switch kind {
	case "text":
	case "json_object":
		request.call.ResponseFormat = &pb.ResponseFormat{Format: &pb.ResponseFormat_JsonObject{JsonObject: &pb.JsonObjectFormat{}}}
	case "json_schema":
		request.call.ResponseFormat = &pb.ResponseFormat{Format: &pb.ResponseFormat_JsonSchema{JsonSchema: &pb.JsonSchemaFormat{
			Name: schema.Name, Schema: string(schema.Schema), Description: schema.Description, Strict: schema.Strict,
		}}}
	default:
		return wrong{field + ".type", "must be text, json_object or json_schema"}
	}
	return nil
}
