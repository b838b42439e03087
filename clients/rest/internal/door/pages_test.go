package door

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var loaded = regexp.MustCompile(`(?:src|href)="([^"]+)"|from "([^"]+)"`)

func get(t *testing.T, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at+1 < len(headers); at += 2 {
		request.Header.Set(headers[at], headers[at+1])
	}
	return do(t, request)
}

func TestPagesLoadNothingFromElsewhereAndStandUnderAPolicy(t *testing.T) {
	url, _ := serve(t, &fake{})
	seen := map[string]bool{}
	queue := []string{"/", "/docs"}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		answer, body := get(t, http.MethodGet, url+path)
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, answer.Status)
			continue
		}
		if strings.HasSuffix(path, ".json") {
			continue
		}
		policy := answer.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: the policy is %q", path, policy)
			}
		}
		if strings.HasSuffix(path, ".js") && strings.Contains(body, "innerHTML") {
			t.Errorf("%s writes markup", path)
		}
		for _, match := range loaded.FindAllStringSubmatch(body, -1) {
			target := match[1] + match[2]
			switch {
			case strings.HasPrefix(target, "./"): // of a script, beside it
				queue = append(queue, "/page/"+target[2:])
			case strings.HasPrefix(target, "/"):
				queue = append(queue, target)
			case target != "data:," && !strings.HasSuffix(path, ".js"):
				t.Errorf("%s loads %s", path, target)
			}
		}
	}
	files, err := filepath.Glob("../playground/page/*")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if _, err := os.Stat(file); err != nil || !seen["/page/"+name] && filepath.Ext(name) != ".html" {
			t.Errorf("no page loads %s", name)
		}
	}
}

func TestHeadIsGetWithoutABodyAndOptionsSaysWhatIsTaken(t *testing.T) {
	url, _ := serve(t, &fake{})
	for _, path := range []string{"/", "/docs", "/openapi.json", "/healthz"} {
		answer, body := get(t, http.MethodHead, url+path)
		full, _ := get(t, http.MethodGet, url+path)
		if answer.StatusCode != full.StatusCode || body != "" || answer.Header.Get("Content-Type") != full.Header.Get("Content-Type") {
			t.Errorf("%s: %s %q", path, answer.Status, body)
		}
	}
	answer, _ := get(t, http.MethodOptions, url+"/v1/responses", "Origin", "https://evil.example")
	if answer.StatusCode != http.StatusForbidden || answer.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error(answer.Status, answer.Header)
	}
	answer, _ = get(t, http.MethodOptions, url+"/v1/responses")
	if answer.StatusCode != http.StatusNoContent || answer.Header.Get("Allow") == "" {
		t.Error(answer.Status, answer.Header)
	}
	answer, body := get(t, http.MethodPut, url+"/v1/responses")
	if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "POST" || !strings.HasPrefix(body, `{"error":`) {
		t.Error(answer.Status, answer.Header, body)
	}
}

func TestACrossSitePostOfAFormIsRefused(t *testing.T) {
	url, _ := serve(t, &fake{events: vectors(t)["worked-transcript"].events})
	for _, path := range []string{"/triphase/v1/stream", "/v1/chat/completions", "/v1/responses"} {
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
			answer, body := post(t, url+path, aRequest, "Content-Type", kind, "Sec-Fetch-Site", "same-origin")
			if answer.StatusCode != http.StatusUnsupportedMediaType {
				t.Errorf("%s as %q: %s %s", path, kind, answer.Status, body)
			}
		}
		answer, _ := post(t, url+path, aRequest, "Sec-Fetch-Site", "cross-site")
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: %s", path, answer.Status)
		}
	}
}
