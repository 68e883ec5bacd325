package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// cork is a board in memory. It tells in order what it was asked for.
type cork struct {
	*memory
	mu     sync.Mutex
	start  time.Time
	said   []string
	at     []time.Duration
	cards  map[string]*Card
	answer func(c *Card) Result
}

func newCork(m *memory) *cork { return &cork{memory: m, start: time.Now(), cards: map[string]*Card{}} }

func (b *cork) Show(_ context.Context, c *Card) (Message, Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	what := "post"
	if c.Message != (Message{}) {
		what = "update"
	}
	if c.Uncertain {
		what = "look for"
	}
	b.said, b.at = append(b.said, fmt.Sprintf("%s %s v%d", what, c.Subject, c.Version)), append(b.at, time.Since(b.start))
	if b.answer != nil {
		if res := b.answer(c); res.Class != Done {
			return Message{}, res
		}
	}
	b.cards[c.ID] = c
	return Message{"C1", "ts-" + c.Subject}, Result{Class: Done}
}

func (b *cork) Alert(ctx context.Context, a *Alert) Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := "detail " + a.Thread.TS
	if a.Finding == nil {
		text = strings.Split(a.ID, "_")[0]
	}
	b.said, b.at = append(b.said, text), append(b.at, time.Since(b.start))
	return b.memory.Alert(ctx, a)
}

func onBoard(m *memory) (Deps, *cork) {
	d, b := m.deps(), newCork(m)
	d.Alerter = b
	return d, b
}

func TestCardIsShownAtOnceAndBroughtUpToDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d, b := onBoard(m)
		d.Revoker = revoking(func(context.Context, *schema.Action) Result {
			time.Sleep(2500 * time.Millisecond)
			return Result{Class: Done, Detail: "204"}
		})
		r := open(t, d, LaneDefaults())
		process(t, r, conclusive("h1:k1:a"))
		run(t, r, time.Minute)
		slices.Sort(b.said[1:]) // of one instant
		if want := []string{"post h1:k1:a v1", "detail ts-h1:k1:a", "update h1:k1:a v2"}; !slices.Equal(b.said, want) || b.at[0] != 0 {
			t.Errorf("%q after %v", b.said, b.at)
		}
		for id, c := range b.cards {
			i := r.fold.incidents.byID[id]
			if c.Actions[0].State != schema.ActionDelivered || i.card.Shown != 2 || i.card.Message.TS != "ts-h1:k1:a" {
				t.Errorf("shown %+v, known %+v", c, i.card)
			}
		}
		abandon(r)
	})
}

// New incidents come before changes of old ones, what changed meanwhile is one update, and there is a second between any two.
func TestCardsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d, b := onBoard(m)
		r := open(t, d, LaneDefaults())
		process(t, r, found("a1", "a", 0))
		run(t, r, 1500*time.Millisecond)
		process(t, r, found("a2", "a", 1), found("a3", "a", 2), found("b1", "b", 0), found("c1", "c", 0))
		run(t, r, time.Minute)
		var cards []string
		var last time.Duration
		for n, s := range b.said {
			if strings.HasPrefix(s, "detail") {
				continue
			}
			if len(cards) > 0 && b.at[n]-last < showEvery {
				t.Errorf("%s only %s after the one before", s, b.at[n]-last)
			}
			cards, last = append(cards, s), b.at[n]
		}
		slices.Sort(cards[1:3]) // of one instant
		if want := []string{"post a v1", "post b v1", "post c v1", "update a v2"}; !slices.Equal(cards, want) {
			t.Errorf("%q", b.said)
		}
		abandon(r)
	})
}

func TestBoardThatRefusesACardGetsTheDetailsAsMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d, b := onBoard(m)
		b.answer = func(*Card) Result { return Result{Class: Refused, Detail: "invalid_blocks"} }
		r := open(t, d, LaneDefaults())
		process(t, r, found("a1", "a", 0))
		run(t, r, time.Minute)
		process(t, r, found("a2", "a", 1))
		run(t, r, time.Minute)
		if want := []string{"post a v1", "detail ", "detail "}; !slices.Equal(b.said, want) {
			t.Errorf("%q", b.said)
		}
		abandon(r)
	})
}

// A board that does not answer delays no revocation, and the details wait for the card.
func TestSlowBoardDelaysNoRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d, b := onBoard(m)
		away := true
		b.answer = func(*Card) Result {
			if away {
				return Result{Class: Again, Detail: "timeout"}
			}
			return Result{Class: Done}
		}
		r := open(t, d, LaneDefaults())
		process(t, r, conclusive("h1:k1:a"), conclusive("h1:k1:b"))
		run(t, r, 10*time.Minute)
		if m.called() != 2 || len(m.alerts) != 0 || slices.ContainsFunc(b.said[2:], func(s string) bool { return strings.HasPrefix(s, "post") }) {
			t.Errorf("%d revocations, %d details, %q", m.called(), len(m.alerts), b.said)
		}
		b.mu.Lock()
		away = false
		b.mu.Unlock()
		run(t, r, 30*time.Minute)
		if len(m.alerts) != 2 || m.alerts[0].Thread.TS == "" || m.alerts[0].Action == nil {
			t.Errorf("%+v", m.alerts)
		}
		abandon(r)
	})
}

// An owner that finds a card which may have been posted looks for it. One whose message is known is updated without.
func TestNextOwnerGoesOnWithTheCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d, b := onBoard(m)
		b.answer = func(c *Card) Result {
			if c.Subject == "lost" {
				return Result{Class: Again, Detail: "timeout"}
			}
			return Result{Class: Done}
		}
		old := open(t, d, LaneDefaults())
		process(t, old, found("a1", "lost", 0), found("b1", "kept", 0))
		run(t, old, 20*time.Second)
		abandon(old)
		b.answer, b.said = nil, nil
		next := NewResponse(enforcing(t), LaneDefaults(), d)
		if _, err := next.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 2, Start: 1}}); err != nil {
			t.Fatal(err)
		}
		process(t, next, found("a1", "lost", 0), found("b1", "kept", 0), found("b2", "kept", 5)) // read again
		run(t, next, time.Minute)
		if want := []string{"detail ts-kept", "detail ts-lost", "look for lost v1", "update kept v2"}; !slices.Equal(slices.Sorted(slices.Values(b.said)), want) {
			t.Errorf("%q", b.said)
		}
		abandon(next)
	})
}

// A channel that is no board gets a message for each finding, beside one that is.
func TestOtherChannelsGetTheAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, pager := &memory{}, &memory{}
		d, b := onBoard(m)
		d.Alerter, d.Channels = pager, []Channel{{"slack", b}}
		r := open(t, d, LaneDefaults())
		process(t, r, found("a1", "a", 0))
		run(t, r, time.Minute)
		if want := []string{"post a v1", "detail ts-a"}; !slices.Equal(b.said, want) || len(pager.alerts) != 1 || pager.alerts[0].Thread != (Message{}) {
			t.Errorf("%q, %+v", b.said, pager.alerts)
		}
		abandon(r)
	})
}
