package triphase

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"triphase.dev/clients/go/gatewayv1"
)

func folded(messages []*gatewayv1.StreamGenerateResponse) (*Response, error) {
	var fold Fold
	for _, message := range messages {
		if err := fold.Feed(NewEvent(message)); err != nil {
			return nil, err
		}
	}
	return fold.Response()
}

// holds tells that a response, or the error in its place, is what the vector expects.
func (v vector) holds(t *testing.T, response *Response, err error) {
	t.Helper()
	if v.Expect.Error != "" {
		var broken *Error
		if !errors.As(err, &broken) || broken.Rule != v.Expect.Error || broken.Code != codes.DataLoss {
			t.Fatalf("error %v, want the rule %s", err, v.Expect.Error)
		}
		return
	}
	check(t, err)
	expected := &Response{}
	check(t, protojson.Unmarshal(v.Expect.Fold, expected))
	if !proto.Equal(response, expected) {
		t.Fatalf("got  %v\nwant %v", response, expected)
	}
}

func TestEveryVectorFolds(t *testing.T) {
	for _, vector := range vectors(t) {
		t.Run(vector.Name, func(t *testing.T) {
			response, err := folded(vector.messages(t))
			vector.holds(t, response, err)
		})
	}
}

func TestEveryVectorFoldsAsBytes(t *testing.T) {
	decoded := 0
	for _, vector := range vectors(t) {
		if vector.Wire == nil {
			continue
		}
		decoded++
		t.Run(vector.Name, func(t *testing.T) {
			messages := vector.decoded(t)
			if len(messages) != len(vector.Events) {
				t.Fatalf("%d events as bytes, %d as JSON", len(messages), len(vector.Events))
			}
			response, err := folded(messages)
			vector.holds(t, response, err)
		})
	}
	if decoded == 0 {
		t.Fatal("no vector has bytes")
	}
}

func TestEveryRuleHasAVector(t *testing.T) {
	found := map[Rule]bool{}
	for _, vector := range vectors(t) {
		found[vector.Expect.Error] = true
	}
	rules := map[Rule]bool{
		"": true, StartedFirst: true, SequenceWithoutGaps: true, CompletedLast: true, CompletedMissing: true,
	}
	if !maps.Equal(found, rules) {
		t.Fatalf("got %v, want %v", found, rules)
	}
}

func TestSoFarGrowsAndIsNotShared(t *testing.T) {
	var fold Fold
	var outputs []string
	for _, message := range worked(t) {
		check(t, fold.Feed(NewEvent(message)))
		outputs = append(outputs, fold.SoFar().Output)
	}
	last := outputs[len(outputs)-5:]
	if want := []string{"", "47 + ", "47 + 38 = 85", "47 + 38 = 85", "47 + 38 = 85"}; !slices.Equal(last, want) {
		t.Fatalf("got %q, want %q", last, want)
	}
	first, err := fold.Response()
	check(t, err)
	first.Completed.Attempts = 99
	first.ReasoningSummary[0].Text = "another"
	if second := fold.SoFar(); second.Completed.Attempts == 99 || second.ReasoningSummary[0].Text == "another" {
		t.Fatalf("what a caller wrote came back: %v", second)
	}
}

func TestABrokenRuleLeavesTheFoldAsItWas(t *testing.T) {
	var fold Fold
	messages := worked(t)
	for _, message := range messages[:12] {
		check(t, fold.Feed(NewEvent(message)))
	}
	err := fold.Feed(NewEvent(&gatewayv1.StreamGenerateResponse{Sequence: 40}))
	if err == nil || err.Error() != "event 40 came where 12 was due (DataLoss)" {
		t.Fatalf("got %v", err)
	}
	for _, message := range messages[12:] {
		check(t, fold.Feed(NewEvent(message)))
	}
	if response, err := fold.Response(); err != nil || response.Output != "47 + 38 = 85" {
		t.Fatalf("got %v, %v", response, err)
	}
}

func TestEveryMemberOfTheContractHasAType(t *testing.T) {
	known := []proto.Message{
		&Started{}, &PhaseStarted{}, &PromptSummaryDelta{}, &ReasoningSummaryDelta{}, &ReasoningDelta{}, &OutputDelta{},
		&ToolCallDelta{}, &PhaseCompleted{}, &AttemptStarted{}, &Heartbeat{}, &Restarted{}, &Completed{},
	}
	if members := member.Fields().Len(); members != len(known) {
		t.Fatalf("the contract has %d members, and %d have a type: see event.go", members, len(known))
	}
	for place, want := range known {
		message := &gatewayv1.StreamGenerateResponse{Sequence: 7}
		reflected := message.ProtoReflect()
		reflected.Mutable(member.Fields().Get(place))
		event := NewEvent(message)
		if got := event.Body.ProtoReflect().Descriptor(); got != want.ProtoReflect().Descriptor() {
			t.Errorf("member %d is a %s, want %s", place, got.Name(), want.ProtoReflect().Descriptor().Name())
		}
		if event.Sequence != 7 || event.Message != message {
			t.Errorf("got %v", event)
		}
	}
}
