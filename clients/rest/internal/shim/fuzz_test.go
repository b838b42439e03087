package shim

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"

	pb "triphase.dev/clients/go/gatewayv1"
)

// Whatever a body holds, it is one whole JSON value that makes a request which can be sent, or it is refused.
func FuzzReadRequest(f *testing.F) {
	for _, seed := range []string{
		`{"model": "m", "messages": [{"role": "ROLE_USER", "content": [{"text": "hi"}]}], "extraBody": {"a": [1, null]}}`,
		`{"reasoning": {"effort": "REASONING_EFFORT_LOW"}, "sampling": {"seed": "1", "temperature": 1e400}}`,
		`{"messages": [{"content": [{"image": {"data": "iVBORw0KGgo="}}]}]} {}`, `[]`, `null`, ``, "{\"model\": \"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	decoder := strict{&runtime.JSONPb{}}
	f.Fuzz(func(t *testing.T, body []byte) {
		request := &pb.StreamGenerateRequest{}
		if err := decoder.NewDecoder(bytes.NewReader(body)).Decode(request); err != nil {
			if err.Error() == "" {
				t.Fatal("a refusal that says nothing")
			}
			return
		}
		if !json.Valid(body) {
			t.Fatal("what is no JSON was read")
		}
		if _, err := proto.Marshal(request); err != nil {
			t.Fatalf("a request that cannot be sent: %v", err)
		}
	})
}
