package triphase

import "triphase.dev/clients/go/gatewayv1"

// Ask makes the request of a single question to a model, by its public name. Whatever else the contract has, set it on
// what is returned.
func Ask(model, prompt string) *Request {
	return &Request{Model: model, Messages: []*Message{User(prompt)}}
}

// System makes a turn of instructions.
func System(text string) *Message { return turn(gatewayv1.Role_ROLE_SYSTEM, text) }

// User makes a turn of the person who asks.
func User(text string) *Message { return turn(gatewayv1.Role_ROLE_USER, text) }

// Assistant makes a turn of an earlier answer of the model.
func Assistant(text string) *Message { return turn(gatewayv1.Role_ROLE_ASSISTANT, text) }

// ToolResult makes a turn that answers the tool call of that id.
func ToolResult(callID, text string) *Message {
	message := turn(gatewayv1.Role_ROLE_TOOL, text)
	message.ToolCallId = callID
	return message
}

func turn(role gatewayv1.Role, text string) *Message {
	part := &gatewayv1.ContentPart{Part: &gatewayv1.ContentPart_Text{Text: text}}
	return &Message{Role: role, Content: []*gatewayv1.ContentPart{part}}
}
