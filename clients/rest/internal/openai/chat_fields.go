package openai

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	pb "triphase.dev/clients/go/gatewayv1"
)

// readChat reads a request of chat completions.
func readChat(body []byte) (*wanted, error) {
	request := &wanted{call: &pb.StreamGenerateRequest{
		Sampling:  &pb.Sampling{},
		Reasoning: &pb.Reasoning{IncludeRaw: true, Summary: pb.SummaryDetail_SUMMARY_DETAIL_NONE},
	}}
	return request, read(request, body, chatFields())
}

func chatFields() map[string]field {
	return map[string]field{
		"model":                 {mapped: into(func(r *wanted) *string { return &r.call.Model })},
		"messages":              {mapped: readMessages},
		"tools":                 {mapped: readTools},
		"tool_choice":           {mapped: readToolChoice},
		"response_format":       {mapped: readFormat},
		"stream":                {mapped: into(func(r *wanted) *bool { return &r.stream })},
		"stream_options":        {mapped: readStreamOptions},
		"stop":                  {mapped: readStop},
		"max_completion_tokens": {mapped: into(func(r *wanted) *int32 { return &r.call.MaxOutputTokens })},
		"max_tokens":            {mapped: readMaxTokens},
		"reasoning_effort":      {mapped: readEffort},
		"thinking_token_budget": {mapped: into(func(r *wanted) *int32 { return &r.call.Reasoning.MaxTokens })},
		"include_reasoning":     {mapped: readIncludeReasoning},
		"temperature":           {mapped: into(func(r *wanted) **float64 { return &r.call.Sampling.Temperature })},
		"top_p":                 {mapped: into(func(r *wanted) **float64 { return &r.call.Sampling.TopP })},
		"top_k":                 {mapped: into(func(r *wanted) **int32 { return &r.call.Sampling.TopK })},
		"min_p":                 {mapped: into(func(r *wanted) **float64 { return &r.call.Sampling.MinP })},
		"frequency_penalty":     {mapped: into(func(r *wanted) **float64 { return &r.call.Sampling.FrequencyPenalty })},
		"presence_penalty":      {mapped: into(func(r *wanted) **float64 { return &r.call.Sampling.PresencePenalty })},
		"repetition_penalty":    {mapped: into(func(r *wanted) **float64 { return &r.call.Sampling.RepetitionPenalty })},
		"seed":                  {mapped: into(func(r *wanted) **int64 { return &r.call.Sampling.Seed })},
		"prompt_cache_key":      {mapped: into(func(r *wanted) *string { return &r.call.AffinityKey })},
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

func readMaxTokens(request *wanted, value json.RawMessage) error {
	if request.call.MaxOutputTokens != 0 { // max_completion_tokens came first, and wins
		return nil
	}
	return json.Unmarshal(value, &request.call.MaxOutputTokens)
}

func readStreamOptions(request *wanted, value json.RawMessage) error {
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

func readExtension(request *wanted, value json.RawMessage) error {
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
