package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/hijackd/hijackd/detect/rules"
)

const (
	scenarios = "../../detect/detecttest/testdata"
	examples  = "../../detect/rules/examples"
)

// TestEachRuleHasAnExample: a rule without a scenario of an attack that it finds fails the build, and so does an example that the rule
// would not give any more.
func TestEachRuleHasAnExample(t *testing.T) {
	for _, r := range rules.All {
		want, err := example(scenarios, r)
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		if !json.Valid(want) {
			t.Errorf("%s: no JSON: %s", r.Name, want)
		}
		if rules.Finding(r.Name) != string(want) {
			t.Errorf("%s: the example is another one now: run go generate ./detect/rules", r.Name)
		}
	}
}

func TestEachExampleHasARule(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		if rules.Named(name[:len(name)-len(".json")]) == nil {
			t.Errorf("%s is of no rule", name)
		}
	}
}

func TestRunWritesExamplesAndPage(t *testing.T) {
	folder := t.TempDir()
	page := filepath.Join(folder, "rules.md")
	for _, args := range [][]string{{"-scenarios", scenarios, "-examples", folder}, {"-page", page}} {
		if err := run(args, t.Output()); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(page); err != nil || string(text) != rules.Catalogue() {
		t.Errorf("the page is not the catalogue: %v", err)
	}
	for _, r := range rules.All {
		if _, err := os.Stat(filepath.Join(folder, r.Name+".json")); err != nil {
			t.Error(err)
		}
	}
}

func TestSpacesStandOutsideOfStrings(t *testing.T) {
	const compact, want = `{"a":"x:y,\"z\"","b":[1,2]}`, `{"a": "x:y,\"z\"", "b": [1, 2]}`
	if got := string(spaced([]byte(compact))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
