package openai

import (
	"os"
	"strings"
	"testing"
)

func TestThePageTellsOfEveryField(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/rest.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.SplitSeq(string(page), "\n") {
		names, kind, ok := strings.Cut(strings.Trim(line, "| "), " | ")
		for name := range strings.SplitSeq(names, ", ") {
			if ok {
				rows[strings.Trim(name, "`")] = kind
			}
		}
	}
	for name, entry := range chatFields() {
		want := "refused"
		if entry.mapped != nil {
			want = "mapped"
		} else if entry.ignored {
			want = "ignored"
		}
		if !strings.HasPrefix(rows[name], want) {
			t.Errorf("%s is %s, and the page says %q", name, want, rows[name])
		}
	}
}
