package main

import (
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

func TestKill(t *testing.T) {
	d := newDesk(t, false)
	if got := d.run("kill", "status"); got.stdout != "ordered: off\nkill file: off\n" {
		t.Errorf("%q %q", got.stdout, got.stderr)
	}
	if got := d.run("kill", "on", "--why=a bad database", "--by=ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	given := d.orders()
	for lane := range int32(deskLanes) {
		if cs := given[lane]; len(cs) != 1 || cs[0].Verb != schema.Kill || cs[0].ID != given[0][0].ID {
			t.Errorf("lane %d: %+v", lane, cs)
		}
	}
	if got := d.run("kill", "off", "--why=mended", "--by=bob"); got.code != 0 || d.orders()[2][1].Verb != schema.Unkill {
		t.Errorf("%+v, %s", d.orders(), got.stderr)
	}
	turned := func(file, on bool, n int, by string) map[string]any {
		return map[string]any{"switch": map[string]any{"file": file, "on": on, "n": n, "by": by, "why": "a bad\x1b database", "at": time.Date(2026, 11, 21, 10, 0, n, 0, time.UTC)}}
	}
	for lane := range int32(deskLanes) {
		d.logs(lane, 1, turned(false, true, 1, "ann"))
	}
	d.logs(1, 1, turned(false, false, 2, "bob"), turned(false, true, 1, "ann"), turned(true, true, 1, "policy.kill_switch"))
	want := "ordered: on in 2 of 3 lanes since 2026-11-21 10:00:01, by ann: a bad� database\nkill file: on in 1 of 3 lanes since 2026-11-21 10:00:01, by policy.kill_switch: a bad� database\n"
	if got := d.run("kill"); got.stdout != want {
		t.Errorf("%q, want %q", got.stdout, want)
	}
	d.logs(0, 1, turned(false, false, 2, "bob"))
	d.logs(2, 1, turned(false, false, 4, "bob"))
	if got := d.run("kill", "status"); !strings.HasPrefix(got.stdout, "ordered: off since 2026-11-21 10:00:04, by bob: ") {
		t.Errorf("%q", got.stdout)
	}
}
