package openai

import (
	"encoding/json"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"
)

// Whatever a body holds, it is a request that can be sent, or a refusal that names a field. `tox -e rest` looks for bodies
// that are neither for some seconds; a plain run tries those below.
func fuzz(f *testing.F, read func([]byte) (*wanted, error), seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		request, err := read(body)
		var refusal wrong
		switch {
		case errors.As(err, &refusal): // the name may be empty: it is the caller's
			if refusal.description == "" {
				t.Fatalf("a refusal that says nothing: %q", err)
			}
		case err != nil:
			t.Fatalf("not a refusal: %v", err)
		case !json.Valid(body):
			t.Fatal("what is no JSON was read")
		default:
			if _, err := proto.Marshal(request.call); err != nil {
				t.Fatalf("a request that cannot be sent: %v", err)
			}
		}
	})
}

func FuzzReadChat(f *testing.F) {
	fuzz(f, readChat,
		`{"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true, "stop": ["a"]}`,
		`{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "b"}}]}]}`,
		`{"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "b", "arguments": "{}"}}]}, {"role": "tool", "content": ""}]}`,
		`{"tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}], "tool_choice": {"type": "function", "function": {"name": "a"}}}`,
		`{"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}, "logit_bias": {"1": 2}, "seed": 1}`,
		`{"triphase": {"summaries": "auto"}, "reasoning_effort": "low", "n": 1, "temperature": 1e400}`,
		`{"messages": [{"role": "user", "content": "\ud800"}], "model": null}`, `[]`, `null`, ``, "{\"model\": \"\xff\"}",
	)
}

func FuzzReadResponses(f *testing.F) {
	fuzz(f, readResponses,
		`{"model": "m", "input": "hi", "instructions": "be brief", "reasoning": {"effort": "low", "summary": null}}`,
		`{"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "b"}]}]}`,
		`{"input": [{"type": "reasoning", "content": [{"text": "a"}]}, {"type": "function_call", "call_id": "a", "name": "b", "arguments": "{}"}, {"type": "function_call_output", "call_id": "a", "output": []}]}`,
		`{"tools": [{"type": "function", "name": "a", "parameters": null}], "tool_choice": {"type": "function", "name": "a"}}`,
		`{"text": {"format": {"type": "json_schema", "name": "a", "schema": {}}, "verbosity": "low"}, "include": []}`,
		`{"previous_response_id": null, "truncation": "disabled", "instructions": 7}`, `[]`, `null`, ``,
	)
}
