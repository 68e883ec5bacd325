package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	const good = `{"id":"a","time":"2026-01-01T00:00:00Z","token":"id:a","ip":"192.0.2.1"}`
	for name, tc := range map[string]struct {
		stdin string
		want  outcome
	}{
		"one good line":       {good + "\n", outcome{0, "1 line: 1 valid, 0 rejected\n", ""}},
		"no line break":       {good, outcome{0, "1 line: 1 valid", ""}},
		"CR LF, blank lines":  {"\r\n" + good + "\r\n\n", outcome{0, "1 line: 1 valid", ""}},
		"nothing":             {"\n", outcome{1, "0 lines: 0 valid", "hijackd: no events in the input\n"}},
		"number of the line":  {good + "\n\n{}\n", outcome{1, "line 3: missing-field id: required and absent\n2 lines: 1 valid, 1 rejected\n", "1 line rejected"}},
		"wrong type":          {`{"id":7}`, outcome{1, "line 1: wrong-type id: another JSON type than the contract's\n", "rejected"}},
		"a long line":         {good + "\n" + strings.Repeat("x", 200_000) + "\n" + good, outcome{1, "line 2: too-large: larger than 64 KiB\n3 lines: 2 valid", "rejected"}},
		"a line of 64 KiB":    {padded(good, 64<<10), outcome{0, "1 valid", ""}},
		"one byte more":       {padded(good, 64<<10+1), outcome{1, "line 1: too-large", "rejected"}},
		"unknown fields":      {good + "\n" + `{"id":"b","time":"2026-01-01T00:00:00Z","token":"id:a","ip":"192.0.2.1","x":1}`, outcome{0, "note: unknown fields are ignored (1 line, first line 2)\n2 lines: 2 valid", ""}},
		"a raw token":         {`{"id":"b","time":"2026-01-01T00:00:00Z","token":"hunter2","ip":"192.0.2.1"}`, outcome{0, "note: the token is raw", ""}},
		"in the year 2200":    {`{"id":"b","time":"2200-01-01T00:00:00Z","token":"id:b","ip":"192.0.2.1"}`, outcome{0, "1 valid", ""}},
		"nothing is repeated": {`{"id":"b","token":"hunter2","hunter2":1,"ip":"hunter2"}`, outcome{1, "line 1: ", "rejected"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := invoke(t, tc.stdin, nil, "validate", "-")
			if got.code != tc.want.code || !matches(got.stdout, tc.want.stdout) || !matches(got.stderr, tc.want.stderr) {
				t.Errorf("got %d, want %d\nstdout: %q, want %q\nstderr: %q, want %q", got.code, tc.want.code, got.stdout, tc.want.stdout, got.stderr, tc.want.stderr)
			}
			if strings.Contains(got.stdout+got.stderr, "hunter2") {
				t.Error("a token is repeated")
			}
		})
	}
}

// padded makes a line of exactly n bytes of an object.
func padded(object string, n int) string {
	return object[:1] + strings.Repeat(" ", n-len(object)) + object[1:]
}

func TestValidateReadsFiles(t *testing.T) {
	file := write(t, "events.ndjson", `{"id":"a","time":"2026-01-01T00:00:00Z","token":"id:a","ip":"192.0.2.1"}`)
	if got := invoke(t, "", nil, "validate", file); got.code != 0 {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	for _, path := range []string{file + "x", t.TempDir()} {
		if got := invoke(t, "", nil, "validate", path); got.code != 2 || !strings.HasPrefix(got.stderr, "hijackd: "+path) {
			t.Errorf("%s: exit %d: %s", path, got.code, got.stderr)
		}
	}
}

func TestSimulatedEventsAreValid(t *testing.T) {
	for _, flags := range [][]string{nil, {"--no-geo"}, {"--attacks=none", "--seed=9"}} {
		events := invoke(t, "", nil, append([]string{"simulate", "--sessions=30", "--duration=5m"}, flags...)...)
		if events.code != 0 {
			t.Fatal(events.stderr)
		}
		lines := strings.Count(events.stdout, "\n")
		got := invoke(t, events.stdout, nil, "validate", "-")
		if want := fmt.Sprintf("%s valid, 0 rejected", grouped(lines)); got.code != 0 || lines < 500 || !strings.Contains(got.stdout, want) {
			t.Errorf("simulate %v: %s%s", flags, got.stdout, got.stderr)
		}
	}
}

func TestSimulateRefuses(t *testing.T) {
	for flag, want := range map[string]string{
		"--attacks=x": `unknown kind "x"`, "--sessions=0": "at least 1", "--duration=0s": "must be positive", "--start=yesterday": "--start",
	} {
		if got := invoke(t, "", nil, "simulate", flag); got.code != 2 || !strings.Contains(got.stderr, want) || got.stdout != "" {
			t.Errorf("%s: exit %d, stderr %q", flag, got.code, got.stderr)
		}
	}
}
