package detecttest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/schema"
)

func use(id, token string, at time.Duration, place, agent int) *schema.Event {
	e := &schema.Event{
		ID: id, Token: token, Time: detecttest.Start.Add(at).UnixNano(), IP: address(place), Geo: geos[place], Agent: agents[agent],
		Repeat: 1, Outcome: schema.OutcomeAccepted,
	}
	return e
}

// family is a chain of tokens, each replacing the one before after ten minutes, and a thief who replays an early one.
func family(length, replayed int) []*schema.Event {
	var events []*schema.Event
	for i := range length {
		e := use(fmt.Sprint("r", i), fmt.Sprint("t", i), time.Duration(i)*10*time.Minute, 0, 0)
		e.User = "u-1"
		if i == 0 {
			e.Type = schema.SessionStarted
		} else {
			e.Type, e.PreviousToken = schema.SessionRotated, fmt.Sprint("t", i-1)
		}
		events = append(events, e)
	}
	thief := use("thief", fmt.Sprint("t", replayed), time.Duration(length)*10*time.Minute, 3, 2)
	thief.Outcome = schema.OutcomeRejected
	return append(events, thief)
}

// TestGrandparentOfFifty: the thief replays an ancestor; whatever the order of events and notes, and however often each comes, the live
// token is the one that is sentenced.
func TestGrandparentOfFifty(t *testing.T) {
	for _, replayed := range []int{0, 25, 47} {
		for seed := range uint64(10) {
			r := rand.New(rand.NewPCG(seed, 2))
			waiting := family(50, replayed)
			r.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
			fold := detecttest.Fold(running)
			merged := map[string]schema.Finding{}
			var out detect.Output
			folded := 0
			for ; len(waiting) > 0; folded++ {
				k := r.IntN(len(waiting))
				e := waiting[k]
				if r.IntN(4) > 0 { // else it comes again
					waiting = slices.Delete(waiting, k, k+1)
				}
				out.Reset()
				fold.Fold(e, &out)
				detect.Merge(merged, out.Findings...)
				for i := range out.Notes {
					waiting = append(waiting, out.Notes[i].Clone())
				}
				if folded > 100_000 {
					t.Fatal("the notes don't come to rest")
				}
			}
			var sentenced []string
			for _, f := range detect.Sorted(merged) {
				if f.Evidence["class"] == "sentenced" {
					sentenced = append(sentenced, f.Token)
					if !f.Conclusive || f.User != "" && f.User != "u-1" {
						t.Errorf("%+v", f)
					}
				}
			}
			if !slices.Contains(sentenced, "t49") {
				t.Errorf("replay of t%d, seed %d: sentenced %v, want the live t49", replayed, seed, sentenced)
			}
		}
	}
}

// TestRotationsInACircle: notes about tokens that replace each other come to rest.
func TestRotationsInACircle(t *testing.T) {
	var events []*schema.Event
	for i := range 60 {
		e := use(fmt.Sprint("r", i), fmt.Sprint("t", i%3), time.Duration(i)*20*time.Second, i%4, i%3)
		e.Type, e.PreviousToken = schema.SessionRotated, fmt.Sprint("t", (i+2)%3)
		ended := use(fmt.Sprint("x", i), e.Token, time.Duration(i)*20*time.Second+time.Second, i%4, i%3)
		ended.Type = []schema.EventType{schema.SessionEnded, schema.SessionStarted, schema.SessionUsed}[i%3]
		events = append(events, e, ended)
	}
	fold := detecttest.Fold(running)
	waiting := events
	var out detect.Output
	folded := 0
	for ; len(waiting) > 0; folded++ {
		out.Reset()
		fold.Fold(waiting[0], &out)
		waiting = waiting[1:]
		for i := range out.Notes {
			waiting = append(waiting, out.Notes[i].Clone())
		}
		if folded > 200_000 {
			t.Fatalf("the notes don't come to rest: %d waiting", len(waiting))
		}
	}
	t.Logf("%d events and notes", folded)
}

// TestReusedTokensDontFlood: an app that takes old tokens for new ones, round and round, makes few notes to each token for each event.
func TestReusedTokensDontFlood(t *testing.T) {
	const tokens = 8
	for _, before := range []int{1, tokens - 1} { // the token that is replaced was new just before, or longest ago
		fold := detecttest.Fold(running)
		var out detect.Output
		for i := range 12 * tokens {
			e := use(fmt.Sprint("r", i), fmt.Sprint("t", i%tokens), time.Duration(i)*5*time.Second, i%4, i%3)
			e.Type, e.PreviousToken = schema.SessionRotated, fmt.Sprint("t", (i+tokens-before)%tokens)
			notes := 0
			for waiting := []*schema.Event{e}; len(waiting) > 0; {
				out.Reset()
				fold.Fold(waiting[0], &out)
				waiting = waiting[1:]
				notes += len(out.Notes)
				for i := range out.Notes {
					waiting = append(waiting, out.Notes[i].Clone())
				}
			}
			if notes > 6*tokens {
				t.Fatalf("rotation %d among %d tokens made %d notes", i, tokens, notes)
			}
		}
	}
}

// TestSentencesGoFar: a token that was replaced a thousand times is revoked when the first one is replayed; beyond that its family is not
// searched.
func TestSentencesGoFar(t *testing.T) {
	for length, want := range map[int]bool{1025: true, 1026: false} {
		fold := detecttest.Fold(running)
		var out detect.Output
		sentenced := false
		for waiting := family(length, 0); len(waiting) > 0; {
			out.Reset()
			fold.Fold(waiting[0], &out)
			waiting = waiting[1:]
			for i := range out.Notes {
				waiting = slices.Insert(waiting, i, out.Notes[i].Clone())
			}
			for i := range out.Findings {
				sentenced = sentenced || out.Findings[i].Token == fmt.Sprint("t", length-1) && out.Findings[i].Evidence["class"] == "sentenced"
			}
		}
		if sentenced != want {
			t.Errorf("%d rotations back: sentenced %v", length-1, sentenced)
		}
	}
}

// TestBusyTokenHandsDownEverything: however much a token was used before it was replaced, its successor learns all that may matter.
func TestBusyTokenHandsDownEverything(t *testing.T) {
	events := []*schema.Event{use("thief", "t1", 0, 3, 2)}
	for i := range 400 {
		events = append(events, use(fmt.Sprint("e", i), "t1", time.Minute+time.Duration(i)*time.Second, 0, 0))
	}
	rotated := use("r", "t2", 8*time.Minute, 0, 0)
	rotated.Type, rotated.PreviousToken = schema.SessionRotated, "t1"
	events = append(events, rotated)
	want := detecttest.Found(running, events)
	onSuccessor := func(f schema.Finding) bool { return f.Token == "t2" && slices.Equal(f.Events, []string{"thief", "r"}) }
	if !slices.ContainsFunc(want, onSuccessor) {
		t.Errorf("the successor does not know of the thief: %+v", want)
	}
	for seed := range uint64(5) {
		shuffled := detecttest.Shuffled(events, int64(detect.DefaultLateness), rand.New(rand.NewPCG(seed, 3)))
		if got := detecttest.Found(running, shuffled); text(t, got) != text(t, want) {
			t.Errorf("shuffled:\n%s\nin order:\n%s", text(t, got), text(t, want))
		}
	}
}
