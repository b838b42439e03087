package door

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "triphase.dev/clients/go/gatewayv1"
	"triphase.dev/clients/rest/internal/gen"
)

const (
	testdata  = "../../../../testdata"
	aRequest  = `{"model": "reference", "messages": [{"role": "ROLE_USER", "content": [{"text": "hi"}]}]}`
	aChat     = `{"model": "reference", "messages": [{"role": "user", "content": "hi"}]}`
	aChatFlow = `{"model": "reference", "stream": true, "messages": [{"role": "user", "content": "hi"}]}`
)

type vector struct {
	events []*pb.StreamGenerateResponse
	rule   string
}

func vectors(t *testing.T) map[string]vector {
	t.Helper()
	files, err := filepath.Glob(testdata + "/events/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("the vectors are missing: %v", err)
	}
	read := map[string]vector{}
	for _, file := range files {
		var raw struct {
			Events []json.RawMessage
			Wire   [][]byte
			Expect struct{ Error string }
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &raw); err != nil {
			t.Fatal(file, err)
		}
		found := vector{rule: raw.Expect.Error}
		for index, event := range raw.Events {
			message := &pb.StreamGenerateResponse{}
			if len(raw.Wire) > 0 {
				err = proto.Unmarshal(raw.Wire[index], message)
			} else {
				err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(event, message)
			}
			if err != nil {
				t.Fatal(file, err)
			}
			found.events = append(found.events, message)
		}
		read[strings.TrimSuffix(filepath.Base(file), ".json")] = found
	}
	return read
}

func post(t *testing.T, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for at := 0; at+1 < len(headers); at += 2 {
		request.Header.Set(headers[at], headers[at+1])
	}
	return do(t, request)
}

func do(t *testing.T, request *http.Request) (*http.Response, string) {
	t.Helper()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// contract is every service of proto/: those that this program imports are registered, and the folder tells which exist.
func contract(t *testing.T) []protoreflect.ServiceDescriptor {
	t.Helper()
	var services []protoreflect.ServiceDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for index := range file.Services().Len() {
			if strings.HasPrefix(string(file.Package()), "triphase.") {
				services = append(services, file.Services().Get(index))
			}
		}
		return true
	})
	files, err := filepath.Glob("../../../../proto/triphase/*/v1/*_service.proto")
	if err != nil || len(files) == 0 || len(files) != len(services) {
		t.Fatalf("%d services are served, and proto/ has %v", len(services), files)
	}
	return services
}

func TestEveryRPCHasARoute(t *testing.T) {
	var document struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(gen.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	routes := map[string][2]string{}
	for path, operations := range document.Paths {
		for method, operation := range operations {
			routes[operation.OperationID] = [2]string{strings.ToUpper(method), path}
		}
	}
	for _, service := range contract(t) {
		for index := range service.Methods().Len() {
			method := service.Methods().Get(index)
			route, ok := routes[string(service.Name())+"_"+string(method.Name())]
			if !ok {
				t.Errorf("%s has no route", method.FullName())
				continue
			}
			f := &fake{}
			front, back := serve(t, f)
			if strings.HasPrefix(route[1], "/triphase/v1/admin/") {
				front = back
			}
			request, _ := http.NewRequest(route[0], front+route[1], strings.NewReader("{}"))
			request.Header.Set("Content-Type", "application/json")
			do(t, request)
			select {
			case asked := <-f.asked:
				if asked != "/"+string(service.FullName())+"/"+string(method.Name()) {
					t.Errorf("%v asks for %s", route, asked)
				}
			default:
				t.Errorf("%v asks for nothing", route)
			}
		}
	}
}

func TestVectorsPassThroughBothFramings(t *testing.T) {
	for name, vector := range vectors(t) {
		t.Run(name, func(t *testing.T) {
			url, _ := serve(t, &fake{events: vector.events})
			for _, accept := range []string{"application/x-ndjson", "text/event-stream"} {
				_, text := post(t, url+"/triphase/v1/stream", aRequest, "Accept", accept)
				var seen []*pb.StreamGenerateResponse
				var failed string
				for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
					line = strings.TrimPrefix(line, "data: ")
					if line == "" || strings.HasPrefix(line, "id: ") {
						continue
					}
					var frame struct {
						Result  json.RawMessage
						Error   struct{ Message string }
						Message string
					}
					if err := json.Unmarshal([]byte(line), &frame); err != nil {
						t.Fatalf("half a line: %q", line)
					}
					if failed = frame.Error.Message + frame.Message; failed != "" {
						continue
					}
					event := &pb.StreamGenerateResponse{}
					if err := protojson.Unmarshal(frame.Result, event); err != nil {
						t.Fatal(err)
					}
					seen = append(seen, event)
				}
				if rule, _, _ := strings.Cut(failed, ":"); rule != vector.rule {
					t.Fatalf("%s: %q where %q is due", accept, failed, vector.rule)
				}
				for index, event := range seen {
					want := proto.Clone(vector.events[index]).(*pb.StreamGenerateResponse)
					want.ProtoReflect().SetUnknown(nil)
					if !proto.Equal(event, want) {
						t.Fatalf("%s: %v where %v is due", accept, event, want)
					}
				}
				if vector.rule == "" && len(seen) != len(vector.events) {
					t.Fatalf("%d events of %d", len(seen), len(vector.events))
				}
			}
		})
	}
}

func TestEveryErrorBeforeAndAfterTheFirstByte(t *testing.T) {
	var table struct {
		Errors []struct{ Code, Reason string }
	}
	text, err := os.ReadFile(testdata + "/errors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &table); err != nil || len(table.Errors) < 20 {
		t.Fatal(err)
	}
	begun := vectors(t)["worked-transcript"].events[:7]
	for _, entry := range table.Errors {
		var code codes.Code
		if err := code.UnmarshalJSON([]byte(`"` + entry.Code + `"`)); err != nil {
			t.Fatal(err)
		}
		end, err := status.New(code, "what happened").WithDetails(
			&errdetails.ErrorInfo{Reason: entry.Reason, Domain: "triphase"},
			&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
		)
		if err != nil {
			t.Fatal(err)
		}
		url, _ := serve(t, &fake{end: end.Err()})
		answer, body := post(t, url+"/triphase/v1/stream", aRequest, "Accept", "text/event-stream")
		if answer.StatusCode < 400 || !strings.HasPrefix(body, `{"code":`) || !strings.Contains(body, entry.Reason) {
			t.Errorf("%s: %d %s", entry.Reason, answer.StatusCode, body)
		}
		if answer.Header.Get("Retry-After") != "2" {
			t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
		}
		flow, body := post(t, url+"/v1/chat/completions", aChatFlow)
		if flow.StatusCode != answer.StatusCode || !strings.HasPrefix(body, `{"error":`) {
			t.Errorf("%s: %d %s", entry.Reason, flow.StatusCode, body)
		}
		url, _ = serve(t, &fake{events: begun, end: end.Err()})
		answer, body = post(t, url+"/triphase/v1/stream", aRequest)
		last := body[strings.LastIndex(strings.TrimSpace(body), "\n")+1:]
		if answer.StatusCode != 200 || !strings.HasPrefix(last, `{"error":`) || !strings.Contains(last, entry.Reason) {
			t.Errorf("%s: %d %s", entry.Reason, answer.StatusCode, last)
		}
	}
}

func TestChatTellsAnErrorInBandAndNoDone(t *testing.T) {
	events := vectors(t)["worked-transcript"].events[:12]
	url, _ := serve(t, &fake{events: events, end: status.Error(codes.Internal, "broke")})
	answer, body := post(t, url+"/v1/chat/completions", aChatFlow)
	if answer.StatusCode != 200 || !strings.Contains(body, `data: {"error":`) || strings.Contains(body, "[DONE]") {
		t.Fatal(answer.StatusCode, body)
	}
}

func TestChatTellsToolCallsHeartbeatsAndDone(t *testing.T) {
	all := vectors(t)
	url, _ := serve(t, &fake{events: all["tool-calls"].events})
	_, body := post(t, url+"/v1/chat/completions", aChat)
	for _, want := range []string{`"finish_reason":"tool_calls"`, `"{\"city\": \"Oslo\"}"`, `"id":"call_b"`, `"content":"I look."`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
	url, _ = serve(t, &fake{events: all["retry-and-heartbeats"].events})
	_, body = post(t, url+"/v1/chat/completions", aChatFlow)
	if strings.Count(body, ": ping\n\n") != 2 || !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Error(body)
	}
}

func TestWhatIsRefused(t *testing.T) {
	url, _ := serve(t, &fake{events: vectors(t)["worked-transcript"].events})
	rest, chat := url+"/triphase/v1/stream", url+"/v1/chat/completions"
	for _, test := range []struct {
		name, url, body string
		headers         []string
		want            int
	}{
		{"malformed", rest, `{"model": `, nil, 400},
		{"unknown field", rest, `{"modle": "x"}`, nil, 400},
		{"two values", rest, aRequest + aRequest, nil, 400},
		{"empty body", rest, ``, nil, 400},
		{"query", rest + "?model=x", aRequest, nil, 400},
		{"too large", rest, `{"model": "` + strings.Repeat("x", 1<<20) + `"}`, nil, 413},
		{"plain text", rest, aRequest, []string{"Content-Type", "text/plain"}, 415},
		{"compressed", rest, aRequest, []string{"Content-Encoding", "gzip"}, 415},
		{"picture wanted", rest, aRequest, []string{"Accept", "image/png"}, 406},
		{"foreign origin", rest, aRequest, []string{"Origin", "https://evil.example"}, 403},
		{"no route", url + "/triphase/v1/nothing", `{}`, nil, 404},
		{"wrong method", url + "/triphase/v1/models", `{}`, nil, 405},
		{"chat malformed", chat, `[`, nil, 400},
		{"chat unknown field", chat, `{"modle": "x"}`, nil, 400},
		{"chat two choices", chat, `{"n": 2}`, nil, 400},
		{"chat previous response", chat, `{"previous_response_id": "x"}`, nil, 400},
		{"chat wrong type", chat, `{"temperature": "hot"}`, nil, 400},
		{"chat plain text", chat, aChat, []string{"Content-Type", "text/plain"}, 415},
		{"chat no route", url + "/v1/nothing", `{}`, nil, 404},
	} {
		answer, body := post(t, test.url, test.body, test.headers...)
		dialect := `{"code":`
		if strings.HasPrefix(test.url, url+"/v1/") {
			dialect = `{"error":{`
		}
		if answer.StatusCode != test.want || !strings.HasPrefix(body, dialect) {
			t.Errorf("%s: %d %s", test.name, answer.StatusCode, body)
		}
	}
	foreign, _ := http.NewRequest(http.MethodGet, url+"/v1/models", nil)
	foreign.Host = "evil.example"
	if answer, _ := do(t, foreign); answer.StatusCode != http.StatusMisdirectedRequest {
		t.Error(answer.Status)
	}
	preflight, _ := http.NewRequest(http.MethodOptions, rest, nil)
	preflight.Header.Set("Origin", "https://app.example")
	if answer, _ := do(t, preflight); answer.StatusCode != 204 || answer.Header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Error(answer.Status, answer.Header)
	}
}

func TestABodyThatTricklesIsGivenUp(t *testing.T) {
	url, _ := serve(t, &fake{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "408") {
		t.Fatal(line, err)
	}
}

func TestHealthThroughTheDoor(t *testing.T) {
	url, _ := serve(t, &fake{})
	request, _ := http.NewRequest(http.MethodGet, url+"/healthz", nil)
	if answer, body := do(t, request); answer.StatusCode != 200 || !strings.Contains(body, "SERVING") {
		t.Error(answer.Status, body)
	}
}
