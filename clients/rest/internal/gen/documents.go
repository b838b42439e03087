// Package gen holds what is generated of proto/ and api.yaml; this file alone is written by hand.
package gen

import _ "embed"

// Swagger is the description of all routes, as OpenAPI 2.
//
//go:embed triphase.swagger.json
var Swagger []byte

// OpenAPI is the same description as OpenAPI 3.1, made by internal/convert.
//
//go:embed triphase.openapi.json
var OpenAPI []byte
