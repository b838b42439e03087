package openai

import (
	"encoding/json"
	"maps"
	"slices"

	pb "triphase.dev/clients/go/gatewayv1"
)

// readResponses reads a request of responses. What it says of the summary is the API's own; unsaid, there is one.
func readResponses(body []byte) (*wanted, error) {
	request := &wanted{call: &pb.StreamGenerateRequest{
		Sampling:  &pb.Sampling{},
		Reasoning: &pb.Reasoning{Summary: pb.SummaryDetail_SUMMARY_DETAIL_AUTO},
	}}
	if err := read(request, body, responsesFields()); err != nil {
		return nil, err
	}
	if instructions := request.given["instructions"]; len(instructions) > 0 && !isNull(instructions) {
		if err := putInstructions(request, instructions); err != nil {
			return nil, err
		}
	}
	return request, nil
}

func responsesFields() map[string]field {
	return map[string]field{
		"model":                 {mapped: into(func(r *wanted) *string { return &r.call.Model })},
		"input":                 {mapped: readInput},
		"instructions":          {mapped: func(*wanted, json.RawMessage) error { return nil }}, // put before the input at the end
		"tools":                 {mapped: readFlatTools},
		"tool_choice":           {mapped: readFlatToolChoice},
		"text":                  {mapped: readText},
		"stream":                {mapped: into(func(r *wanted) *bool { return &r.stream })},
		"stream_options":        {mapped: readObfuscation},
		"max_output_tokens":     {mapped: into(func(r *wanted) *int32 { return &r.call.MaxOutputTokens })},
		"reasoning":             {mapped: readReasoning, takesNull: true},
		"thinking_token_budget": {mapped: into(func(r *wanted) *int32 { return &r.call.Reasoning.MaxTokens })},
		"include_reasoning":     {mapped: readIncludeReasoning},
		"temperature":           {mapped: into(func(r *wanted) **float64 { return &r.call.Sampling.Temperature })},
		"top_p":                 {mapped: into(func(r *wanted) **float64 { return &r.call.Sampling.TopP })},
		"prompt_cache_key":      {mapped: into(func(r *wanted) *string { return &r.call.AffinityKey })},
		"parallel_tool_calls":   {mapped: passOn("parallel_tool_calls")},
		"include":               {mapped: readInclude},

		"metadata":               {ignored: true},
		"prompt_cache_options":   {ignored: true},
		"prompt_cache_retention": {ignored: true},
		"safety_identifier":      {ignored: true},
		"service_tier":           {ignored: true},
		"store":                  {ignored: true},
		"user":                   {ignored: true},

		"access_programs":      {refused: []string{}},
		"background":           {refused: []string{"false"}},
		"background_options":   {refused: []string{}},
		"context_management":   {refused: []string{"[]"}},
		"conversation":         {refused: []string{}},
		"image":                {refused: []string{}},
		"max_tool_calls":       {refused: []string{}},
		"moderation":           {refused: []string{}},
		"previous_response_id": {refused: []string{}},
		"prompt":               {refused: []string{}},
		"top_logprobs":         {refused: []string{"0"}},
		"truncation":           {refused: []string{`"disabled"`}},
	}
}

func putInstructions(request *wanted, value json.RawMessage) error {
	var instructions string
	if err := json.Unmarshal(value, &instructions); err != nil {
		return wrong{"instructions", "must be a text"}
	}
	if instructions != "" {
		first := &pb.Message{Role: pb.Role_ROLE_SYSTEM, Content: []*pb.ContentPart{text(instructions)}}
		request.call.Messages = append([]*pb.Message{first}, request.call.Messages...)
	}
	return nil
}

// readReasoning takes null, there and of the summary, as the API does: no summary.
func readReasoning(request *wanted, value json.RawMessage) error {
	none := func() { request.call.Reasoning.Summary = pb.SummaryDetail_SUMMARY_DETAIL_NONE }
	if isNull(value) {
		none()
		return nil
	}
	found, err := members(value, "reasoning")
	if err != nil {
		return err
	}
	if err := only(found, "reasoning", "effort", "summary", "generate_summary"); err != nil {
		return err
	}
	if effort, ok := found["effort"]; ok && !isNull(effort) {
		if err := takeEffort(request, effort, "reasoning.effort"); err != nil {
			return err
		}
	}
	for _, name := range []string{"generate_summary", "summary"} { // the first is the old name, and the second wins
		given, ok := found[name]
		if !ok {
			continue
		}
		if isNull(given) {
			none()
			continue
		}
		var detail string
		if err := json.Unmarshal(given, &detail); err != nil || details[detail] == 0 {
			return wrong{"reasoning." + name, "must be auto, concise or detailed"}
		}
		request.call.Reasoning.Summary = details[detail]
	}
	return nil
}

func readText(request *wanted, value json.RawMessage) error {
	found, err := members(value, "text")
	if err != nil {
		return err
	}
	if err := only(found, "text", "format", "verbosity"); err != nil {
		return err
	}
	if verbosity, ok := found["verbosity"]; ok && !isNull(verbosity) {
		if err := passOn("verbosity")(request, verbosity); err != nil {
			return err
		}
	}
	format, ok := found["format"]
	if !ok || isNull(format) {
		return nil
	}
	var given formatted
	if err := json.Unmarshal(format, &given); err != nil {
		return err
	}
	var schema schemed // here its members stand beside the type, not below it
	if err := json.Unmarshal(format, &schema); err != nil {
		return err
	}
	return takeFormat(request, given.Type, schema, "text.format")
}

func readFlatTools(request *wanted, value json.RawMessage) error {
	var given []struct {
		Type string `json:"type"`
		function
	}
	if err := json.Unmarshal(value, &given); err != nil {
		return err
	}
	for index, tool := range given {
		if err := takeTool(request, tool.Type, tool.function, index); err != nil {
			return err
		}
	}
	return nil
}

func readFlatToolChoice(request *wanted, value json.RawMessage) error {
	var named struct {
		Type string `json:"type"`
		Name string `json:"name"`
	}
	if json.Unmarshal(value, &named) != nil {
		return readToolChoice(request, value) // none, auto or required
	}
	if named.Type != "function" {
		return wrong{"tool_choice.type", "must be function"}
	}
	request.call.ToolChoice = &pb.ToolChoice{Choice: &pb.ToolChoice_Tool{Tool: named.Name}}
	return nil
}

func readObfuscation(_ *wanted, value json.RawMessage) error {
	found, err := members(value, "stream_options")
	if err != nil {
		return err
	}
	return only(found, "stream_options", "include_obfuscation")
}

// Clients that keep nothing at the server ask for these: there are none here, and their answers are whole without.
var included = map[string]bool{"reasoning.encrypted_content": true}

func readInclude(_ *wanted, value json.RawMessage) error {
	var names []string
	if err := json.Unmarshal(value, &names); err != nil {
		return err
	}
	for _, name := range names {
		if !included[name] {
			return wrong{"include", "may hold " + slices.Sorted(maps.Keys(included))[0] + " alone"}
		}
	}
	return nil
}
