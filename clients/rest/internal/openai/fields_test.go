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
	for heading, table := range map[string]map[string]field{
		"### Chat completions": chatFields(), "### Responses": responsesFields(),
	} {
		_, section, ok := strings.Cut(string(page), heading+"\n")
		if !ok {
			t.Fatalf("%s is missing", heading)
		}
		section, _, _ = strings.Cut(section, "\n#")
		told := rows(section)
		for name, entry := range table {
			if kind := entry.kind(); !strings.HasPrefix(told[name], kind) {
				t.Errorf("%s: %s is %s, and the page says %q", heading, name, kind, told[name])
			}
			delete(told, name)
		}
		delete(told, "any other")
		for name := range told {
			t.Errorf("%s: the page has %s, and the table has not", heading, name)
		}
	}
}

// rows reads the tables of a section: name → what becomes of it.
func rows(section string) map[string]string {
	found := map[string]string{}
	for line := range strings.SplitSeq(section, "\n") {
		names, kind, ok := strings.Cut(strings.Trim(line, "| "), " | ")
		for name := range strings.SplitSeq(names, ", ") {
			if ok && kind != "" {
				found[strings.Trim(name, "`")] = kind
			}
		}
	}
	return found
}

func (f field) kind() string {
	switch {
	case f.mapped != nil:
		return "mapped"
	case f.ignored:
		return "ignored"
	}
	return "refused"
}
