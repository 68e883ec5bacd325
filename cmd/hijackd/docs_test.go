package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write docs/configuration.md again")

const root = "../.."

// documents are the Markdown files of the repository's root and of docs.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all[path] = string(text)
		}
	}
	if len(all) < 5 {
		t.Fatalf("only %d documents", len(all))
	}
	return all
}

var (
	fence   = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// anchors are the names of a document's headings, as GitHub makes them.
func anchors(text string) []string {
	var all []string
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, h[1]))
	}
	return all
}

func TestLinksResolve(t *testing.T) {
	docs := documents(t)
	for path, text := range docs {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(docs[target]), anchor) {
				t.Errorf("%s links to %s, which has no such heading", path, m[1])
			}
		}
	}
}

// handbook are the documents whose commands and configuration are checked.
func handbook(t *testing.T) map[string]string {
	docs := documents(t)
	for path := range docs {
		if !slices.Contains([]string{"README.md", "configuration.md", "getting-started.md"}, filepath.Base(path)) {
			delete(docs, path)
		}
	}
	if len(docs) != 3 {
		t.Fatalf("%d documents", len(docs))
	}
	return docs
}

func TestConfigurationKeysInTheDocsExist(t *testing.T) {
	l := loader{keys: new(Config).keys()}
	code := regexp.MustCompile("`([a-z_]+(?:\\.[a-z_-]+)+)`")
	checked := 0
	for path, text := range handbook(t) {
		for _, m := range code.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			section, _, _ := strings.Cut(m[1], ".")
			if !l.section(section) {
				continue // a file, an event type
			}
			checked++
			if l.find(m[1]) == nil && !l.section(m[1]) {
				t.Errorf("%s mentions %s, which is no key", path, m[1])
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d keys were checked", checked)
	}
}

func TestConfigurationsInTheDocsLoad(t *testing.T) {
	checked := 0
	for path, text := range handbook(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] != "yaml" {
				continue
			}
			checked++
			l := loader{origins: origins{path, map[string]Problem{}}, keys: new(Config).keys()}
			l.readYAML([]byte(m[2]))
			for _, problem := range l.problems {
				t.Error(problem)
			}
		}
	}
	if checked < 2 {
		t.Errorf("only %d configurations were checked", checked)
	}
}

func TestCommandsInTheDocsParse(t *testing.T) {
	checked := 0
	for path, text := range handbook(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] != "sh" {
				continue
			}
			for part := range strings.FieldsFuncSeq(m[2], func(r rune) bool { return r == '\n' || r == '|' }) {
				words := strings.Fields(strings.Split(strings.Split(part, "#")[0], ">")[0])
				if len(words) == 0 || words[0] != "bin/hijackd" {
					continue
				}
				checked++
				parser, err := newParser(t.Context(), &process{}, new(commands))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := parser.Parse(words[1:]); err != nil {
					t.Errorf("%s: %s: %v", path, part, err)
				}
			}
		}
	}
	if checked < 5 {
		t.Errorf("only %d commands were checked", checked)
	}
}

// TestEmittingAnEvent compiles the README's Go program.
func TestEmittingAnEvent(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		if m[1] != "go" {
			continue
		}
		file := write(t, "main.go", m[2])
		command := exec.CommandContext(t.Context(), "go", "vet", file) // #nosec G204 -- our own file
		command.Dir = root
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	t.Error("the README has no Go program")
}

func TestConfigurationReferenceIsCurrent(t *testing.T) {
	const begin, end = "<!-- generated: keys -->\n", "<!-- end of generated -->\n"
	path := filepath.Join(root, "docs", "configuration.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("docs/configuration.md has lost its marks")
	}
	want := before + begin + reference() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil { // #nosec G306 -- documentation
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Error("docs/configuration.md is not what the keys say; run: go test ./cmd/hijackd -run ConfigurationReference -update")
	}
}

// reference lists the keys by section.
func reference() string {
	var b strings.Builder
	last := ""
	alike := map[string]bool{}
	for _, k := range new(Config).keys() {
		if alike[k.alike] {
			continue
		}
		if k.alike != "" {
			alike[k.alike], k.path = true, k.alike
		}
		section := k.path
		if i := strings.LastIndexByte(k.path, '.'); i >= 0 {
			section = k.path[:i]
		}
		if top, _, _ := strings.Cut(section, "."); top != "rules" {
			section = top
		}
		if section != last {
			fmt.Fprintf(&b, "\n### %s\n\n| key | default | type | meaning |\n|---|---|---|---|\n", section)
			last = section
		}
		doc := k.doc
		if k.pending != "" {
			doc += " *Not yet:* " + k.pending + "."
		}
		shown := k.initial
		if shown == `""` || shown == "[]" || shown == "{}" {
			shown = "empty"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.path, shown, k.value.kind(), doc)
	}
	b.WriteString("\n")
	return b.String()
}
