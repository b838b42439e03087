package door

import (
	"encoding/json"
	"strings"
	"testing"

	triphase "triphase.dev/clients/go"
	pb "triphase.dev/clients/go/gatewayv1"
)

const aResponse = `{"model": "reference", "input": "hi", "stream": true, "include_reasoning": true}`

// folded is what the Go client makes of a vector, which the facade is held to.
func folded(t *testing.T, events []*pb.StreamGenerateResponse) *triphase.Response {
	t.Helper()
	fold := triphase.Fold{}
	for _, event := range events {
		if err := fold.Feed(triphase.NewEvent(event)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := fold.Response()
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// ruleOf is the rule that a vector breaks before the facade, which accepts no restarts.
func ruleOf(vector vector) string {
	for _, event := range vector.events {
		if event.GetRestarted() != nil {
			return "RESTART_UNASKED"
		}
	}
	return vector.rule
}

func TestVectorsPassThroughChatCompletions(t *testing.T) {
	for name, vector := range vectors(t) {
		t.Run(name, func(t *testing.T) {
			rule := ruleOf(vector)
			url, _ := serve(t, &fake{events: vector.events})
			answer, body := post(t, url+"/v1/chat/completions", aChatFlow)
			if rule != "" {
				if !strings.Contains(body, `"error":`) || !strings.Contains(body, rule) || strings.Contains(body, "[DONE]") {
					t.Fatal(answer.Status, body)
				}
				return
			}
			var output, reasoning string
			for line := range strings.SplitSeq(body, "\n") {
				data, ok := strings.CutPrefix(line, "data: ")
				if !ok || data == "[DONE]" {
					continue
				}
				var chunk struct {
					Choices []struct {
						Delta struct {
							Content          string
							ReasoningContent string `json:"reasoning_content"`
						}
					}
				}
				if err := json.Unmarshal([]byte(data), &chunk); err != nil {
					t.Fatalf("half a frame: %q", data)
				}
				for _, choice := range chunk.Choices {
					output += choice.Delta.Content
					reasoning += choice.Delta.ReasoningContent
				}
			}
			want := folded(t, vector.events)
			if output != want.GetOutput() || reasoning != want.GetReasoning() || !strings.HasSuffix(body, "data: [DONE]\n\n") {
				t.Fatalf("%q %q where %q %q is due", output, reasoning, want.GetOutput(), want.GetReasoning())
			}
		})
	}
}

type responseItem struct {
	Type      string
	Arguments string
	CallID    string `json:"call_id"`
	Content   []struct{ Type, Text string }
	Summary   []struct {
		Text     string
		Replaces *int `json:"replaces_summary_index"`
	}
}

type responseEvent struct {
	Type           string
	SequenceNumber int `json:"sequence_number"`
	Delta          string
	Response       struct {
		Status string
		Error  struct{ Message string }
		Output []responseItem
	}
}

func TestVectorsPassThroughResponses(t *testing.T) {
	for name, vector := range vectors(t) {
		t.Run(name, func(t *testing.T) {
			rule := ruleOf(vector)
			url, _ := serve(t, &fake{events: vector.events})
			_, body := post(t, url+"/v1/responses", aResponse)
			var events []responseEvent
			var deltas string
			for line := range strings.SplitSeq(body, "\n") {
				if data, ok := strings.CutPrefix(line, "data: "); ok {
					var event responseEvent
					if err := json.Unmarshal([]byte(data), &event); err != nil {
						t.Fatalf("half a frame: %q", data)
					}
					if event.SequenceNumber != len(events) {
						t.Fatalf("event %d came where %d was due", event.SequenceNumber, len(events))
					}
					if event.Type == "response.output_text.delta" {
						deltas += event.Delta
					}
					events = append(events, event)
				}
			}
			if rule != "" {
				// Before anything was shown it is told by the status, afterwards by the last event.
				if len(events) > 0 && events[len(events)-1].Type != "response.failed" || !strings.Contains(body, rule) {
					t.Fatal(body)
				}
				return
			}
			compare(t, events[len(events)-1], folded(t, vector.events), deltas)
		})
	}
}

func compare(t *testing.T, last responseEvent, want *triphase.Response, deltas string) {
	t.Helper()
	var output, reasoning string
	var summary []string
	var calls []responseItem
	for _, item := range last.Response.Output {
		for _, content := range item.Content {
			if content.Type == "output_text" {
				output += content.Text
			} else {
				reasoning += content.Text
			}
		}
		replaced := map[int]bool{}
		for _, part := range item.Summary {
			if part.Replaces != nil {
				replaced[*part.Replaces] = true
			}
		}
		for index, part := range item.Summary {
			if !replaced[index] {
				summary = append(summary, part.Text)
			}
		}
		if item.Type == "function_call" {
			calls = append(calls, item)
		}
	}
	if output != want.GetOutput() || deltas != output || reasoning != want.GetReasoning() {
		t.Fatalf("%q %q where %q %q is due", output, reasoning, want.GetOutput(), want.GetReasoning())
	}
	if len(summary) != len(want.GetReasoningSummary()) || len(calls) != len(want.GetToolCalls()) {
		t.Fatalf("%d parts and %d calls: %v", len(summary), len(calls), last)
	}
	for index, part := range want.GetReasoningSummary() {
		if summary[index] != part.GetText() {
			t.Errorf("%q where %q is due", summary[index], part.GetText())
		}
	}
	for index, call := range want.GetToolCalls() {
		if calls[index].CallID != call.GetId() || calls[index].Arguments != call.GetArguments() {
			t.Errorf("%v where %v is due", calls[index], call)
		}
	}
}
