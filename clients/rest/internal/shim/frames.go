package shim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "triphase.dev/clients/go/gatewayv1"
)

// strict reads one JSON value and nothing behind it; fields that it does not know are errors.
type strict struct{ *runtime.JSONPb }

// NewDecoder reads the whole body, which guard has bounded.
func (s strict) NewDecoder(body io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(message any) error {
		data, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(data)) == 0 {
			return errors.New("the body is empty where a JSON object is due")
		}
		request, ok := message.(proto.Message)
		if !ok {
			return s.Unmarshal(data, message)
		}
		if err := protojson.Unmarshal(data, request); err != nil { // the whole text: JSONPb stops behind one value
			return errors.New(readable(err.Error()))
		}
		return nil
	})
}

// readable takes away what protobuf writes before the fact, which differs from build to build.
func readable(text string) string {
	for _, prefix := range []string{"proto:\u00a0", "proto: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return "not the JSON of this request: " + text
}

// lines frames a stream as NDJSON: {"result": event} a line, and at a bad end {"error": google.rpc.Status}.
type lines struct{ strict }

func (lines) StreamContentType(any) string { return ndjson }
func (lines) Delimiter() []byte            { return []byte("\n") }

// events frames a stream as server-sent events: the same objects as data, the sequence as id.
type events struct{ strict }

func (events) StreamContentType(any) string { return eventStream }
func (events) Delimiter() []byte            { return []byte("\n") }

// Marshal frames what belongs to a stream; a whole answer, or an error before a stream, stays JSON.
func (e events) Marshal(frame any) ([]byte, error) {
	text, err := e.strict.Marshal(frame)
	if err != nil || !json.Valid(text) {
		return text, err
	}
	result, ok := frame.(map[string]any)
	if !ok {
		return append(append([]byte("data: "), text...), '\n'), nil
	}
	var framed []byte
	if event, ok := result["result"].(*pb.StreamGenerateResponse); ok {
		framed = strconv.AppendInt([]byte("id: "), int64(event.GetSequence()), 10)
		framed = append(framed, '\n')
	}
	framed = append(framed, "data: "...)
	framed = append(framed, text...)
	return append(framed, '\n'), nil
}
