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

// Methods tells which methods each path takes, by the generated description.
var Methods = sync.OnceValue(func() map[string][]string {
	var document struct{ Paths map[string]object }
	if err := json.Unmarshal(gen.Swagger, &document); err != nil {
		panic(err) // generated and embedded: a test reads it
	}
	methods := map[string][]string{}
	for path, operations := range document.Paths {
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			methods[path] = append(methods[path], strings.ToUpper(method))
			if method == "get" {
				methods[path] = append(methods[path], "HEAD")
			}
		}
	}
	return methods
})
