package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	pb "triphase.dev/clients/go/gatewayv1"
)

// chatRequest is what a request of chat completions comes to.
type chatRequest struct {
	call           *pb.StreamGenerateRequest
	stream         bool
	includeUsage   bool
	summaries      bool // the extension `triphase.summaries`
	wantsReasoning bool // `include_reasoning` said so, rather than by default
}

type reader func(request *chatRequest, value json.RawMessage) error

// A field of the table: exactly one of its members is set. docs/rest.md shows the same table, and a test compares them.
type field struct {
	mapped  reader   // taken over into the request
	ignored bool     // of no effect on the answer
	refused []string // cannot be honoured, except with these values, which ask for nothing
}

func chatFields() map[string]field {
	return map[string]field{
		"model":                 {mapped: into(func(r *chatRequest) *string { return &r.call.Model })},
		"messages":              {mapped: readMessages},
		"tools":                 {mapped: readTools},
		"tool_choice":           {mapped: readToolChoice},
		"response_format":       {mapped: readFormat},
		"stream":                {mapped: into(func(r *chatRequest) *bool { return &r.stream })},
		"stream_options":        {mapped: readStreamOptions},
		"stop":                  {mapped: readStop},
		"max_completion_tokens": {mapped: into(func(r *chatRequest) *int32 { return &r.call.MaxOutputTokens })},
		"max_tokens":            {mapped: readMaxTokens},
		"reasoning_effort":      {mapped: readEffort},
		"include_reasoning":     {mapped: readIncludeReasoning},
		"temperature":           {mapped: into(func(r *chatRequest) **float64 { return &r.call.Sampling.Temperature })},
		"top_p":                 {mapped: into(func(r *chatRequest) **float64 { return &r.call.Sampling.TopP })},
		"top_k":                 {mapped: into(func(r *chatRequest) **int32 { return &r.call.Sampling.TopK })},
		"min_p":                 {mapped: into(func(r *chatRequest) **float64 { return &r.call.Sampling.MinP })},
		"frequency_penalty":     {mapped: into(func(r *chatRequest) **float64 { return &r.call.Sampling.FrequencyPenalty })},
		"presence_penalty":      {mapped: into(func(r *chatRequest) **float64 { return &r.call.Sampling.PresencePenalty })},
		"repetition_penalty":    {mapped: into(func(r *chatRequest) **float64 { return &r.call.Sampling.RepetitionPenalty })},
		"seed":                  {mapped: into(func(r *chatRequest) **int64 { return &r.call.Sampling.Seed })},
		"prompt_cache_key":      {mapped: into(func(r *chatRequest) *string { return &r.call.AffinityKey })},
		"parallel_tool_calls":   {mapped: passOn("parallel_tool_calls")},
		"logit_bias":            {mapped: passOn("logit_bias")},
		"chat_template_kwargs":  {mapped: passOn("chat_template_kwargs")},
		"verbosity":             {mapped: passOn("verbosity")},
		"triphase":              {mapped: readExtension},

		"metadata":               {ignored: true},
		"prediction":             {ignored: true},
		"prompt_cache_retention": {ignored: true},
		"safety_identifier":      {ignored: true},
		"service_tier":           {ignored: true},
		"store":                  {ignored: true},
		"user":                   {ignored: true},

		"audio":                {refused: []string{}},
		"function_call":        {refused: []string{}},
		"functions":            {refused: []string{}},
		"logprobs":             {refused: []string{"false"}},
		"modalities":           {refused: []string{`["text"]`}},
		"n":                    {refused: []string{"1"}},
		"previous_response_id": {refused: []string{}},
		"top_logprobs":         {refused: []string{"0"}},
		"web_search_options":   {refused: []string{}},
	}
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

// readChat reads a request by the table; fields that the table does not hold are refused.
func readChat(body []byte) (*chatRequest, error) {
	given, err := members(body, "the body")
	if err != nil {
		return nil, err
	}
	request := &chatRequest{call: &pb.StreamGenerateRequest{
		Sampling:  &pb.Sampling{},
		Reasoning: &pb.Reasoning{IncludeRaw: true, Summary: pb.SummaryDetail_SUMMARY_DETAIL_NONE},
	}}
	table := chatFields()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		entry, known := table[name]
		switch {
		case !known:
			return nil, wrong{name, "is not known here: docs/rest.md lists what is"}
		case isNull(value) || entry.ignored:
		case entry.mapped != nil:
			if err := entry.mapped(request, value); err != nil {
				return nil, named(err, name)
			}
		case !neutral(value, entry.refused):
			return nil, wrong{name, "cannot be honoured by this gateway"}
		}
	}
	return request, nil
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
func into[T any](place func(*chatRequest) *T) reader {
	return func(request *chatRequest, value json.RawMessage) error { return json.Unmarshal(value, place(request)) }
}

// passOn leaves a field as it is, for the engine.
func passOn(name string) reader {
	return func(request *chatRequest, value json.RawMessage) error {
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

func readMaxTokens(request *chatRequest, value json.RawMessage) error {
	if request.call.MaxOutputTokens != 0 { // max_completion_tokens came first, and wins
		return nil
	}
	return json.Unmarshal(value, &request.call.MaxOutputTokens)
}

func readStop(request *chatRequest, value json.RawMessage) error {
	var one string
	if json.Unmarshal(value, &one) == nil {
		request.call.Stop = []string{one}
		return nil
	}
	return json.Unmarshal(value, &request.call.Stop)
}

func readEffort(request *chatRequest, value json.RawMessage) error {
	var name string
	if err := json.Unmarshal(value, &name); err != nil {
		return err
	}
	for number := range pb.ReasoningEffort_name {
		if effort := pb.ReasoningEffort(number); effort != 0 && effortName(effort) == name {
			request.call.Reasoning.Effort = effort
			return nil
		}
	}
	return wrong{"reasoning_effort", "must be none, minimal, low, medium, high, xhigh or max"}
}

func readIncludeReasoning(request *chatRequest, value json.RawMessage) error {
	if err := json.Unmarshal(value, &request.call.Reasoning.IncludeRaw); err != nil {
		return err
	}
	request.wantsReasoning = request.call.Reasoning.IncludeRaw
	return nil
}

func readStreamOptions(request *chatRequest, value json.RawMessage) error {
	found, err := members(value, "stream_options")
	if err != nil {
		return err
	}
	if err := only(found, "stream_options", "include_usage", "include_obfuscation"); err != nil {
		return err
	}
	if usage, ok := found["include_usage"]; ok && !isNull(usage) {
		return json.Unmarshal(usage, &request.includeUsage)
	}
	return nil
}

var details = map[string]pb.SummaryDetail{
	"concise":  pb.SummaryDetail_SUMMARY_DETAIL_CONCISE,
	"auto":     pb.SummaryDetail_SUMMARY_DETAIL_AUTO,
	"detailed": pb.SummaryDetail_SUMMARY_DETAIL_DETAILED,
}

func readExtension(request *chatRequest, value json.RawMessage) error {
	found, err := members(value, "triphase")
	if err != nil {
		return err
	}
	if err := only(found, "triphase", "summaries"); err != nil {
		return err
	}
	var detail string
	if err := json.Unmarshal(found["summaries"], &detail); err != nil || details[detail] == 0 {
		return wrong{"triphase.summaries", fmt.Sprintf("must be one of %v", slices.Sorted(maps.Keys(details)))}
	}
	request.summaries, request.call.Reasoning.Summary = true, details[detail]
	return nil
}
