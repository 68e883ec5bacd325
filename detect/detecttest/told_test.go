package detecttest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Stories that were once told in one order and not in another. Each is told in every order here.

func at(id, token string, after time.Duration, place int) *schema.Event {
	return use(id, token, after, place, 0)
}

func started(e *schema.Event) *schema.Event {
	e.Type = schema.SessionStarted
	return e
}

func by(user string, e *schema.Event) *schema.Event {
	e.User = user
	return e
}

func rejected(e *schema.Event) *schema.Event {
	e.Outcome = schema.OutcomeRejected
	return e
}

func replaces(previous string, e *schema.Event) *schema.Event {
	e.Type, e.PreviousToken = schema.SessionRotated, previous
	return e
}

var stories = map[string][]*schema.Event{
	"what made a vantage the token's home comes last": {
		at("e0", "t1", 0, 0), at("e1", "t1", 0, 1), at("e2", "t1", 0, 3), started(at("e3", "t1", 0, 1)),
	},
	"a use before the one that was told to be a return": {
		at("e0", "t1", 0, 0), at("e1", "t1", time.Minute, 3), at("e2", "t1", 2*time.Minute, 0), started(at("e3", "t1", 3*time.Minute, 0)),
	},
	"the network turns out to be the home, and the return none": {
		at("e0", "t1", 0, 0), at("e1", "t1", time.Minute, 3), at("e2", "t1", 2*time.Minute, 1), at("e3", "t1", 3*time.Minute, 3), at("e4", "t1", 4*time.Minute, 1),
	},
	"a rejection between going and coming back": {
		at("e0", "t1", 0, 0), at("e1", "t1", time.Minute, 3), rejected(at("e2", "t1", 2*time.Minute, 0)), at("e3", "t1", 3*time.Minute, 0),
	},
	"a token is rejected where it is at home later": {
		rejected(at("e0", "t1", 0, 1)), at("e1", "t1", time.Second, 3), at("e2", "t1", 9*time.Minute, 1), at("e3", "t1", 12*time.Minute, 0),
	},
	"the token that a rotation replaced was used elsewhere": {
		at("e0", "t1", 0, 1), replaces("t1", at("e1", "t2", time.Second, 3)), at("e2", "t2", 2*time.Second, 1),
	},
	"a rotation names the user of the token that it replaces": {
		at("e0", "t1", 0, 1), by("u-1", replaces("t1", at("e1", "t2", time.Second, 0))), by("u-1", at("e2", "t1", 2*time.Second, 1)),
	},
}

func permutations(events []*schema.Event, each func([]*schema.Event)) {
	var extend func(k int)
	extend = func(k int) {
		if k == len(events) {
			each(events)
			return
		}
		for i := k; i < len(events); i++ {
			events[k], events[i] = events[i], events[k]
			extend(k + 1)
			events[k], events[i] = events[i], events[k]
		}
	}
	extend(0)
}

func TestStoriesAreToldTheSameInEveryOrder(t *testing.T) {
	for name, events := range stories {
		want := told(events)
		permutations(slices.Clone(events), func(order []*schema.Event) {
			if got := told(order); !slices.Equal(got, want) {
				var ids []string
				for _, e := range order {
					ids = append(ids, e.ID)
				}
				t.Errorf("%s: in the order %v told %q, want %q", name, ids, got, want)
			}
		})
	}
}

// TestLongStayedAwayIsToldTheSame: a token is at home again after so long that what it did before is not kept whole; what comes a little
// late then makes no other return of it.
func TestLongStayedAwayIsToldTheSame(t *testing.T) {
	events := []*schema.Event{
		by("u-1", at("e0", "t1", 0, 3)), at("e1", "t1", 0, 0), by("u-1", at("e2", "t1", 9*time.Minute, 3)),
		at("e3", "t1", 18*time.Minute, 0), at("e4", "t1", 18*time.Minute, 0), at("e5", "t1", 22*time.Minute, 0),
	}
	want := told(events)
	permutations(slices.Clone(events[3:]), func(late []*schema.Event) {
		if got := told(slices.Concat(events[:3], late)); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// TestReplayIsKeptForSuccessorsToCome: a replay sentences a successor that the token gets when the replay is long past.
func TestReplayIsKeptForSuccessorsToCome(t *testing.T) {
	events := []*schema.Event{at("e0", "t1", 0, 0), replaces("t1", at("e1", "t2", time.Second, 0))}
	for i := range 10 {
		events = append(events, at(string(rune('f'+i)), "t1", time.Duration(i+2)*30*time.Second, 0))
	}
	last := len(events)
	events = append(events, at("x0", "t1", 64*time.Minute, 0), at("x1", "t1", 64*time.Minute, 0), replaces("t1", at("x2", "t3", 64*time.Minute, 0)))
	permutations(slices.Clone(events[last:]), func(late []*schema.Event) {
		found := onTokens(slices.Concat(events[:last], late), never).findings
		for _, token := range []string{"t2", "t3"} {
			if !slices.ContainsFunc(found, func(f schema.Finding) bool {
				return f.Token == token && f.Evidence["class"] == "sentenced" && f.EventID == "f"
			}) {
				t.Errorf("%s is not sentenced for the first replay: %s", token, text(t, found))
			}
		}
	})
}
