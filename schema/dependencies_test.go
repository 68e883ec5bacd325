package schema_test

import (
	"os"
	"strings"
	"testing"
)

func TestEveryDirectDependencySaysWhatItIsFor(t *testing.T) {
	doc, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := list(t, "-m", "-f", "{{if not (or .Main .Indirect)}}{{.Path}}{{end}}", "all")
	said := 0
	for _, m := range direct {
		name := strings.TrimPrefix(m, "github.com/")
		if name == "" {
			continue
		}
		said++
		if !strings.Contains(string(doc), "| `"+name+"` |") {
			t.Errorf("%s has no line in docs/dependencies.md", m)
		}
	}
	if lines := strings.Count(string(doc), "\n| `"); lines != said {
		t.Errorf("docs/dependencies.md has %d lines for %d direct dependencies", lines, said)
	}
}
