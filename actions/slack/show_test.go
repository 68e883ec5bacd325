package slack

import (
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/schema"
)

// show shows a card as a lane does: it keeps where the message stands.
func show(t testing.TB, sl *Slack, c *actions.Card) actions.Result {
	t.Helper()
	at, res := sl.Show(t.Context(), c)
	c.Message, c.Uncertain = at, res.Class != actions.Done
	return res
}

func cardsIn(s *slacktest.Server) (ms []slacktest.Message) {
	for _, m := range s.Messages() {
		if m.Metadata.EventType == incidentEvent {
			ms = append(ms, m)
		}
	}
	return ms
}

func TestACardIsPostedOnceAndUpdatedInPlace(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	c := incident(acted(schema.ActionPending))
	show(t, sl, c)
	for _, ch := range []func(*actions.Card){
		func(c *actions.Card) { c.Actions = nil; acted(schema.ActionDelivered)(c) }, note(schema.Acknowledge, ""), func(c *actions.Card) { c.StillAccepted = []string{"shop"} },
	} {
		ch(c)
		if res := show(t, sl, c); res != (actions.Result{Class: actions.Done, Detail: "updated"}) {
			t.Fatalf("%+v", res)
		}
	}
	ms := cardsIn(s)
	if len(ms) != 1 || ms[0].Edits != 3 || ms[0].ID() != c.ID || ms[0].Blocks[1].Text.Text != "⚠ Still accepted by app shop" {
		t.Errorf("%d messages: %+v", len(ms), ms)
	}
}

func TestACardWhosePostWasInterruptedIsFound(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	c := incident()
	s.Fail(slacktest.Fault{Cut: true})
	if res := show(t, sl, c); res.Class != actions.Again || c.Message.TS != "" {
		t.Fatalf("%+v %+v", res, c.Message)
	}
	for range 120 { // the card is not on the first page of the history
		sl.Alert(t.Context(), &actions.Alert{ID: "fnd_other", Finding: finding()})
	}
	note(schema.Acknowledge, "")(c)
	if res := show(t, sl, c); res.Detail != "updated" {
		t.Fatalf("%+v", res)
	}
	if ms := cardsIn(s); len(ms) != 1 || ms[0].Edits != 1 || c.Message.TS != ms[0].TS {
		t.Errorf("%d cards, the lane knows of %+v", len(ms), c.Message)
	}
}

func TestACardThatWasDeletedIsPostedAgain(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	c := incident()
	show(t, sl, c)
	was := c.Message
	s.Delete(was.TS)
	s.Fail(slacktest.Fault{Cut: true}) // and this post is interrupted: the next look must find it
	if res := show(t, sl, c); res.Class != actions.Again {
		t.Fatalf("%+v", res)
	}
	c.Message, c.Uncertain = was, false // a lane knows of the first message alone
	if res := show(t, sl, c); res.Class != actions.Done || c.Message == was {
		t.Fatalf("%+v, still at %+v", res, was)
	}
	if ms := cardsIn(s); len(ms) != 1 {
		t.Errorf("%d cards", len(ms))
	}
}

func TestAnInterruptedUpdateIsMadeAgain(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	c := incident()
	show(t, sl, c)
	s.FailOn("chat.update", slacktest.Fault{Cut: true}, slacktest.Fault{Error: "internal_error"}, slacktest.Fault{Empty: true})
	for range 3 {
		if res := show(t, sl, c); res.Class != actions.Again || c.Message.TS == "" {
			t.Fatalf("%+v at %+v", res, c.Message)
		}
	}
	if res := show(t, sl, c); res.Class != actions.Done {
		t.Fatalf("%+v", res)
	}
	if ms := cardsIn(s); len(ms) != 1 || s.Calls("conversations.history") != 0 {
		t.Errorf("%d cards, %d looks", len(ms), s.Calls("conversations.history"))
	}
}

func TestDetailsStandInTheThread(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	c := incident()
	show(t, sl, c)
	a := &actions.Alert{ID: "fnd_1", Finding: finding(), Incident: c.ID, Thread: c.Message}
	s.Fail(slacktest.Fault{Cut: true})
	if res := sl.Alert(t.Context(), a); res.Class != actions.Again {
		t.Fatalf("%+v", res)
	}
	a.Uncertain = true
	if res := sl.Alert(t.Context(), a); res != (actions.Result{Class: actions.Done, Detail: "found"}) {
		t.Fatalf("%+v", res)
	}
	ms := s.Messages()
	if len(ms) != 2 || ms[1].ThreadTS != c.Message.TS || ms[1].ID() != "fnd_1" {
		t.Fatalf("%+v", ms)
	}
	if s.Calls("conversations.history") != 0 {
		t.Error("a reply was looked for in the channel")
	}
}

// Without its card a finding is told by itself, once.
func TestDetailsOfADeletedCardStandByThemselves(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	c := incident()
	show(t, sl, c)
	s.Delete(c.Message.TS)
	a := &actions.Alert{ID: "fnd_1", Finding: finding(), Incident: c.ID, Thread: c.Message}
	for range 2 {
		if res := sl.Alert(t.Context(), a); res.Class != actions.Done {
			t.Fatalf("%+v", res)
		}
		a.Uncertain = true
	}
	if ms := s.Messages(); len(ms) != 1 || ms[0].ThreadTS != "" {
		t.Errorf("%+v", ms)
	}
}

func TestCardsWithoutTheRightToRead(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	c := incident(func(c *actions.Card) { c.Uncertain = true })
	s.FailOn("conversations.history", slacktest.Fault{Error: "missing_scope"})
	if res := show(t, sl, c); res.Class != actions.Done {
		t.Errorf("%+v: rather a card twice than none", res)
	}
	c = incident(func(c *actions.Card) { c.Uncertain = true })
	s.FailOn("conversations.history", slacktest.Fault{Error: "internal_error"})
	if res := show(t, sl, c); res.Class != actions.Again {
		t.Errorf("%+v: it may be there", res)
	}
}

func TestAskedToWait(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	now := time.Now()
	sl.pace.now = func() time.Time { return now }
	s.Fail(slacktest.Fault{Status: 429, RetryAfter: 30})
	c := incident()
	if res := show(t, sl, c); res != (actions.Result{Class: actions.Again, Detail: "429", RetryAfter: 30 * time.Second}) {
		t.Fatalf("%+v", res)
	}
	now = now.Add(10 * time.Second)
	if res := show(t, sl, c); res != (actions.Result{Class: actions.Again, Detail: "429", RetryAfter: 20 * time.Second}) || s.Calls("chat.postMessage") != 1 {
		t.Fatalf("%+v after %d calls", res, s.Calls("chat.postMessage"))
	}
	now = now.Add(20 * time.Second)
	if res := show(t, sl, c); res.Class != actions.Done {
		t.Fatalf("%+v", res)
	}
}

// Updates count as messages do, and are asked to wait as they are.
func TestUpdatesCountToo(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	now := time.Now()
	sl.pace.now = func() time.Time { return now }
	c := incident()
	show(t, sl, c)
	now = now.Add(time.Hour)
	show(t, sl, c)
	if sl.pace.last != now {
		t.Error("an update did not count")
	}
	s.FailOn("chat.update", slacktest.Fault{Status: 429, RetryAfter: 30})
	show(t, sl, c)
	calls := s.Calls("chat.update")
	if res := sl.Alert(t.Context(), &actions.Alert{ID: "fnd_1", Finding: finding(), Thread: c.Message}); res.RetryAfter != 30*time.Second || s.Calls("chat.postMessage") != 1 {
		t.Errorf("%+v after an update was asked to wait", res)
	}
	if res := show(t, sl, c); res.RetryAfter != 30*time.Second || s.Calls("chat.update") != calls {
		t.Errorf("%+v", res)
	}
}
