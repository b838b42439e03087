package openai

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	pb "triphase.dev/clients/go/gatewayv1"
)

// wanted is what a request comes to.
type wanted struct {
	call           *pb.StreamGenerateRequest
	stream         bool
	includeUsage   bool
	summaries      bool // the extension `triphase.summaries`
	wantsReasoning bool // `include_reasoning` said so, rather than by default
	given          map[string]json.RawMessage
}

type reader func(request *wanted, value json.RawMessage) error

// A field of a table: mapped, ignored or refused. docs/rest.md shows the same tables, and a test compares them.
type field struct {
	mapped    reader   // taken over into the request
	takesNull bool     // null says something else than nothing
	ignored   bool     // of no effect on the answer
	refused   []string // cannot be honoured, except with these values, which ask for nothing
}

// members reads a JSON object; names are told apart by case, as JSON does.
func members(text json.RawMessage, name string) (map[string]json.RawMessage, error) {
	var found map[string]json.RawMessage
	if err := json.Unmarshal(text, &found); err != nil || found == nil {
		return nil, wrong{name, "must be a JSON object"}
	}
	return found, nil
}

// only refuses members that are not among those known.
func only(found map[string]json.RawMessage, name string, known ...string) error {
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(known, key) {
			return wrong{name + "." + key, "is not known"}
		}
	}
	return nil
}

func isNull(value json.RawMessage) bool { return string(value) == "null" }

// read fills in a request by a table; fields that the table does not hold are refused.
func read(request *wanted, body []byte, table map[string]field) error {
	if !utf8.Valid(body) { // Go's decoder would mend it in texts, and not in what is passed on as it is
		return wrong{"the body", "must be UTF-8"}
	}
	given, err := members(body, "the body")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		entry, known := table[name]
		switch {
		case !known:
			return wrong{name, "is not known here: docs/rest.md lists what is"}
		case isNull(value) && !entry.takesNull || entry.ignored:
		case entry.mapped != nil:
			if err := entry.mapped(request, value); err != nil {
				return named(err, name)
			}
		case !neutral(value, entry.refused):
			return wrong{name, "cannot be honoured by this gateway"}
		}
	}
	request.given = given
	return nil
}

// named gives an error of the JSON decoder the field's name, and leaves out its words, which are Go's.
func named(err error, name string) error {
	if found, ok := err.(wrong); ok {
		return found
	}
	return wrong{name, "is not of the right type"}
}

func neutral(value json.RawMessage, neutrals []string) bool {
	var compact bytes.Buffer
	return json.Compact(&compact, value) == nil && slices.Contains(neutrals, compact.String())
}

// into reads a value to where the request keeps it; a type that does not fit is an error.
func into[T any](place func(*wanted) *T) reader {
	return func(request *wanted, value json.RawMessage) error { return json.Unmarshal(value, place(request)) }
}

// passOn leaves a field as it is, for the engine.
func passOn(name string) reader {
	return func(request *wanted, value json.RawMessage) error {
		var read structpb.Value
		if err := read.UnmarshalJSON(value); err != nil {
			return err
		}
		if request.call.ExtraBody == nil {
			request.call.ExtraBody = &structpb.Struct{Fields: map[string]*structpb.Value{}}
		}
		request.call.ExtraBody.Fields[name] = &read
		return nil
	}
}

func readStop(request *wanted, value json.RawMessage) error {
	var one string
	if json.Unmarshal(value, &one) == nil {
		request.call.Stop = []string{one}
		return nil
	}
	return json.Unmarshal(value, &request.call.Stop)
}

func readEffort(request *wanted, value json.RawMessage) error {
	return takeEffort(request, value, "reasoning_effort")
}

func takeEffort(request *wanted, value json.RawMessage, field string) error {
	var name string
	if err := json.Unmarshal(value, &name); err != nil {
		return wrong{field, "is not of the right type"}
	}
	for number := range pb.ReasoningEffort_name {
		if effort := pb.ReasoningEffort(number); effort != 0 && effortName(effort) == name {
			request.call.Reasoning.Effort = effort
			return nil
		}
	}
	return wrong{field, "must be none, minimal, low, medium, high, xhigh or max"}
}

func readIncludeReasoning(request *wanted, value json.RawMessage) error {
	if err := json.Unmarshal(value, &request.call.Reasoning.IncludeRaw); err != nil {
		return err
	}
	request.wantsReasoning = request.call.Reasoning.IncludeRaw
	return nil
}

var details = map[string]pb.SummaryDetail{
	"concise":  pb.SummaryDetail_SUMMARY_DETAIL_CONCISE,
	"auto":     pb.SummaryDetail_SUMMARY_DETAIL_AUTO,
	"detailed": pb.SummaryDetail_SUMMARY_DETAIL_DETAILED,
}
