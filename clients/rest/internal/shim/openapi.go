package shim

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"triphase.dev/clients/rest/internal/gen"
)

type object = map[string]any

// Methods tells which methods each path takes.
var Methods = sync.OnceValue(func() map[string][]string {
	methods := map[string][]string{}
	for path, operations := range swagger()["paths"].(object) {
		for _, method := range slices.Sorted(maps.Keys(operations.(object))) {
			methods[path] = append(methods[path], strings.ToUpper(method))
			if method == "get" {
				methods[path] = append(methods[path], "HEAD")
			}
		}
	}
	return methods
})

func swagger() object {
	var document object
	if err := json.Unmarshal(gen.Swagger, &document); err != nil {
		panic(err) // generated and embedded: a test reads it
	}
	return document
}

// Swagger2 is the generated description of all routes.
func Swagger2() []byte { return gen.Swagger }

// OpenAPI3 is the same description as OpenAPI 3.1, with the media types of streams.
//
// grpc-gateway's own generator for version 3 reads annotations in protos only, and ours have none.
var OpenAPI3 = sync.OnceValue(func() []byte {
	old := swagger()
	paths := object{}
	for path, operations := range old["paths"].(object) {
		converted := object{}
		for method, operation := range operations.(object) {
			converted[method] = operation3(operation.(object))
		}
		paths[path] = converted
	}
	document := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Triphase", "version": "v1",
			"description": "Every RPC of the gateway as JSON over HTTP. The comments of proto/ are the protocol.",
		},
		"tags":       old["tags"],
		"paths":      paths,
		"components": object{"schemas": old["definitions"]},
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic(err)
	}
	return []byte(strings.ReplaceAll(string(text), `"#/definitions/`, `"#/components/schemas/`))
})

func operation3(operation object) object {
	converted := object{}
	for _, key := range []string{"summary", "description", "operationId", "tags"} {
		if value, ok := operation[key]; ok {
			converted[key] = value
		}
	}
	parameters, _ := operation["parameters"].([]any)
	for _, parameter := range parameters {
		if parameter := parameter.(object); parameter["in"] == "body" {
			converted["requestBody"] = object{"required": true, "content": object{plainJSON: object{"schema": parameter["schema"]}}}
		}
	}
	responses := object{}
	for code, response := range operation["responses"].(object) {
		response := response.(object)
		kinds := []string{plainJSON}
		if schema, _ := response["schema"].(object); schema["properties"] != nil && code == "200" {
			kinds = []string{ndjson, eventStream} // {"result": …} or {"error": …}: a stream
		}
		content := object{}
		for _, kind := range kinds {
			content[kind] = object{"schema": response["schema"]}
		}
		responses[code] = object{"description": response["description"], "content": content}
	}
	converted["responses"] = responses
	return converted
}
