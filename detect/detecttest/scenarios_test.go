package detecttest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

func read(t *testing.T) []detecttest.Scenario {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("scenarios: %v, %v", files, err)
	}
	var all []detecttest.Scenario
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := detecttest.Read(name, f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func TestScenarios(t *testing.T) {
	for _, s := range read(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(s.Name, "testdata/"), ".txt"), func(t *testing.T) {
			config, err := rules.Decode(s.Config)
			if err != nil {
				t.Fatal(err)
			}
			running := config.Running()
			found := detecttest.Found(running, s.Events)
			compare(t, s, found)
			want := text(t, found)
			same := func(how string, got []schema.Finding) {
				t.Helper()
				if text(t, got) != want {
					t.Errorf("%s:\n%s\nin order:\n%s", how, text(t, got), want)
				}
			}
			same("everything twice", detecttest.Found(running, slices.Concat(s.Events, s.Events)))
			for at := 0; at < len(s.Events); at += 1 + len(s.Events)/40 {
				same(fmt.Sprintf("restarted before %s", s.Events[at].ID), detecttest.FoundAfterRestart(running, s.Events, at))
			}
			for seed := range uint64(20) {
				shuffled := detecttest.Shuffled(s.Events, int64(detect.DefaultLateness), rand.New(rand.NewPCG(seed, 1)))
				same(fmt.Sprintf("shuffled as %v", ids(shuffled)), detecttest.Found(running, shuffled))
			}
		})
	}
}

// TestEachRuleHasScenarios: an untested rule fails the build.
func TestEachRuleHasScenarios(t *testing.T) {
	for _, r := range rules.All {
		for _, kind := range []string{"attack", "near-miss"} {
			if files, err := filepath.Glob(filepath.Join("testdata", r.Name, kind+"-*.txt")); err != nil || len(files) == 0 {
				t.Errorf("%s has no %s scenario", r.Name, kind)
			}
		}
	}
}

func compare(t *testing.T, s detecttest.Scenario, found []schema.Finding) {
	t.Helper()
	missing := slices.Clone(s.Wants)
	for i := range found {
		if !concerns(s, found[i].Rule) {
			continue
		}
		at := slices.IndexFunc(missing, func(w detecttest.Want) bool { return fits(w, &found[i]) == "" })
		if at >= 0 {
			missing = slices.Delete(missing, at, at+1)
			continue
		}
		why := ""
		for _, w := range missing {
			why += fmt.Sprintf("\n  not line %d: %s", w.Line, fits(w, &found[i]))
		}
		t.Errorf("not wanted: %s%s", text(t, found[i:i+1]), why)
	}
	for _, w := range missing {
		t.Errorf("%s:%d: not found: %s %v", s.Name, w.Line, w.Rule, w.Events)
	}
}

// concerns reports whether findings of a rule that are not wanted are wrong: everything in a nuisance; elsewhere what the folder is named
// after, and what is wanted, for one attack breaks many rules.
func concerns(s detecttest.Scenario, rule string) bool {
	folder := filepath.Base(filepath.Dir(s.Name))
	return folder == "nuisance" || folder == rule || slices.ContainsFunc(s.Wants, func(w detecttest.Want) bool { return w.Rule == rule })
}

// fits says why a finding is not the wanted one.
func fits(w detecttest.Want, f *schema.Finding) string {
	switch {
	case f.Rule != w.Rule || f.Token != w.Token:
		return "rule " + f.Rule + ", token " + f.Token
	case w.Events != nil && !slices.Equal(f.Events, w.Events):
		return fmt.Sprintf("events %v", f.Events)
	case w.Conclusive != nil && f.Conclusive != *w.Conclusive:
		return fmt.Sprintf("conclusive %v", f.Conclusive)
	case w.Severity != "" && string(f.Severity) != w.Severity:
		return "severity " + string(f.Severity)
	case w.Summary != "" && f.Summary != w.Summary:
		return "summary " + f.Summary
	}
	for k, v := range w.Evidence {
		switch k {
		case "epoch":
			if fmt.Sprint(f.Epoch) != v {
				return fmt.Sprintf("epoch %d", f.Epoch)
			}
		case "session":
			if f.Session != v {
				return "session " + f.Session
			}
		case "user":
			if f.User != v {
				return "user " + f.User
			}
		default:
			if fmt.Sprint(f.Evidence[k]) != v {
				return fmt.Sprintf("%s=%v", k, f.Evidence[k])
			}
		}
	}
	return ""
}

func text(t *testing.T, found []schema.Finding) string {
	t.Helper()
	var b strings.Builder
	for i := range found {
		line, err := json.Marshal(found[i])
		if err != nil {
			t.Fatalf("%s: %v", found[i].Rule, err)
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

func ids(events []*schema.Event) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}
