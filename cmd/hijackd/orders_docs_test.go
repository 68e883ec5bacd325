package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shellWords splits a line as a shell does, as far as the documentation needs it.
func shellWords(line string) (words []string) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

// Every command line of docs/operations.md is one that hijackd takes, and every command of an operator is there.
func TestOperationsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		if m[1] != "sh" {
			continue
		}
		for line := range strings.Lines(m[2]) {
			words := shellWords(line)
			if len(words) < 2 || words[0] != "hijackd" {
				t.Errorf("%q is no command of hijackd", line)
				continue
			}
			parser, err := newParser(t.Context(), &process{}, new(commands))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := parser.Parse(words[1:])
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			name := parsed.Command()
			for _, argument := range []string{" <", " [<"} {
				name, _, _ = strings.Cut(name, argument)
			}
			seen[name] = true
		}
	}
	for _, name := range []string{"held list", "held release", "held discard", "revoke tokens", "revoke again", "revoke retry", "revoke test", "allow add", "allow list", "allow remove",
		"kill on", "kill off", "kill status", "leak", "doctor"} {
		if !seen[name] {
			t.Errorf("docs/operations.md doesn't show %s; it shows %v", name, seen)
		}
	}
}
