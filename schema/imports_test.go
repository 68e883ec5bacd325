package schema_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/hijackd/hijackd/"

// mayImport says which folders a top-level folder's packages may import beside their own and the standard library's. Whatever
// a consumer needs of another folder it declares as a small interface, and cmd brings them together.
var mayImport = map[string][]string{
	"schema":  {},
	"ingest":  {"schema"},
	"detect":  {"schema"},
	"actions": {"schema"},
	"store":   {"schema"},
	"cmd":     {"schema", "ingest", "detect", "actions", "store"},
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func top(pkg string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(pkg, module), "/")
	return first
}

func TestImportsKeepTheirDirections(t *testing.T) {
	for _, line := range list(t, "-f", `{{.ImportPath}}:{{join .Imports " "}}`, "./...") {
		pkg, imports, _ := strings.Cut(line, ":")
		allowed, known := mayImport[top(pkg)]
		if !known {
			t.Errorf("%s stands in a top-level folder that this test doesn't know", pkg)
		}
		for i := range strings.FieldsSeq(imports) {
			if strings.HasPrefix(i, module) && top(i) != top(pkg) && !slices.Contains(allowed, top(i)) {
				t.Errorf("%s imports %s", pkg, i)
			}
		}
	}
}

func TestSchemaNeedsOnlyTheStandardLibrary(t *testing.T) {
	for _, dep := range list(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./schema/...") {
		if dep != "" && !strings.HasPrefix(dep, module+"schema") {
			t.Errorf("schema needs %s", dep)
		}
	}
}

func TestHijackdNeedsNoDynamicLibrary(t *testing.T) {
	deps := list(t, "-deps", "./cmd/hijackd")
	if slices.ContainsFunc(deps, func(d string) bool { return strings.HasPrefix(d, "github.com/ebitengine/purego") }) {
		t.Error("hijackd would not stay static: purego is for hijackd-engine alone")
	}
}
