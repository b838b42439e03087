// Command convert reads the generated description of the routes, OpenAPI 2, and writes it as OpenAPI 3.1, with the media
// types of streams. tools/rest_stubs.py runs it.
//
// grpc-gateway's own generator for version 3 reads annotations in protos only, and ours have none.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type object = map[string]any

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("expected the file of OpenAPI 2")
	}
	text, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	var old object
	if err := json.Unmarshal(text, &old); err != nil {
		return err
	}
	newer, err := json.MarshalIndent(convert(old), "", "  ")
	if err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(strings.ReplaceAll(string(newer), `"#/definitions/`, `"#/components/schemas/`) + "\n")
	return err
}

func convert(old object) object {
	paths := object{}
	for path, operations := range old["paths"].(object) {
		converted := object{}
		for method, operation := range operations.(object) {
			converted[method] = operation3(operation.(object))
		}
		paths[path] = converted
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Triphase", "version": "v1",
			"description": "Every RPC of the gateway as JSON over HTTP. The comments of proto/ are the protocol.",
		},
		"tags":       old["tags"],
		"paths":      paths,
		"components": object{"schemas": old["definitions"]},
	}
}

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
			content := object{"application/json": object{"schema": parameter["schema"]}}
			converted["requestBody"] = object{"required": true, "content": content}
		}
	}
	responses := object{}
	for code, response := range operation["responses"].(object) {
		response := response.(object)
		kinds := []string{"application/json"}
		if schema, _ := response["schema"].(object); schema["properties"] != nil && code == "200" {
			kinds = []string{"application/x-ndjson", "text/event-stream"} // {"result": …} or {"error": …}: a stream
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
