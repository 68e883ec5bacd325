package store

import (
	"testing"

	"github.com/hijackd/hijackd/schema"
)

func TestReplayCollapses(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	want := use("h1:k:a", 7)
	for range 3 {
		put(t, e, want)
	}
	c := e.Cursor(3, 0)
	got := load(t, c, 8, "h1:k:a")
	if len(got) != 1 || got[0] != want {
		t.Errorf("loaded %+v\nwant   %+v", got, want)
	}
	if n := one[uint64](t, db, "SELECT count() FROM events WHERE token = 'h1:k:a'"); n != 1 {
		t.Errorf("the view events shows %d rows", n)
	}
	_ = schema.Event{}
}
