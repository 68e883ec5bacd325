package actions

import (
	"cmp"
	"log/slog"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// showEvery is the least time between two messages about cards: Slack takes about one a second.
const showEvery = time.Second

// board shows the cards of incidents in the channel that can keep messages up to date, one call at a time, beside the channel's messages.
type board struct {
	Board
	q     *queue // of the channel
	calls int
	after time.Time
}

// kindCard is the label of cards in metrics.
const kindCard = "card"

// findBoard finds the first channel that is a board.
func (r *Response) findBoard() {
	for _, q := range r.alerters {
		if b, ok := q.alerter.(Board); ok {
			r.board = board{Board: b, q: q}
			return
		}
	}
	r.fold.incidents.boardless = true
}

// show starts to show what is due and returns when more may be, or zero. New incidents come before changes of old ones, the oldest first.
func (r *Response) show(now time.Time) (next time.Time) {
	b, s := &r.board, &r.fold.incidents
	if b.Board == nil || b.calls > 0 || len(s.unshown) == 0 {
		return time.Time{}
	}
	free := b.after
	if free.Before(b.q.after) {
		free = b.q.after
	}
	var first *incident
	for _, i := range s.unshown {
		at := i.at
		if at.Before(free) {
			at = free
		}
		switch {
		case at.After(now):
			if next.IsZero() || at.Before(next) {
				next = at
			}
		case first == nil || compareTurns(i, first) < 0:
			first = i
		}
	}
	if first == nil {
		return next
	}
	if first.tries == 0 {
		first.first = now
	}
	b.calls, b.after = 1, now.Add(showEvery)
	c := first.card.clone()
	c.Uncertain = first.uncertain && c.Message == Message{}
	r.spawn(func() {
		m, res := b.Show(r.ctx, c)
		r.report(report{card: c, message: m, res: res})
	})
	return time.Time{} // its end wakes the lane
}

func compareTurns(a, b *incident) int {
	posted := func(i *incident) int {
		if i.card.Message == (Message{}) {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(posted(a), posted(b)), cmp.Compare(a.tries, b.tries), a.card.Changed.Compare(b.card.Changed), cmp.Compare(a.card.ID, b.card.ID))
}

// shown makes the record of a card that was shown, or lets it be tried again. A crash before the record repeats the call: the next owner
// looks for the message before it posts one.
func (r *Response) shown(p report, now time.Time) []*record {
	r.board.calls--
	s := &r.fold.incidents
	i := s.byID[p.card.ID]
	if i == nil {
		return nil
	}
	if age := now.Sub(i.first); p.res.Class == Again && age < giveUp {
		i.tries++
		i.uncertain = true
		i.at = now.Add(backOff(age, i.tries, p.res.RetryAfter, r.deps.Jitter()))
		r.board.q.after = now.Add(max(hardMost, min(p.res.RetryAfter, retryAfter)))
		r.deps.Metrics.actions.WithLabelValues(kindCard, "retried").Inc()
		r.deps.Logger.Warn("card not shown, will be repeated", slog.String("id", i.card.ID), slog.Int("attempt", i.tries), slog.String("detail", p.res.Detail))
		return nil
	}
	state := schema.ActionDelivered
	if p.res.Class != Done {
		state = schema.ActionFailed
		r.deps.Logger.Error("gave a card up", slog.String("id", i.card.ID), slog.String("detail", p.res.Detail))
	}
	r.deps.Metrics.actions.WithLabelValues(kindCard, state.String()).Inc()
	i.tries, i.at = 0, time.Time{}
	if i.card.Shown = p.card.Version; p.res.Class == Done && p.message != (Message{}) {
		i.card.Message = p.message
	}
	if i.card.cardless() { // and stays so
		i.card.Shown = i.card.Version
	}
	s.showable(i)
	if r.faults.messageUnrecorded {
		return nil
	}
	return []*record{{Incident: i.card.clone()}}
}

// thread makes a detail wait for the card in whose thread it belongs.
func (r *Response) thread(t *task) {
	if r.board.Board == nil || t.q != r.board.q || t.e.alert.Incident == "" || r.faults.threadBeforeParent {
		return
	}
	i := r.fold.incidents.byID[t.e.alert.Incident]
	if i == nil || i.card.Message != (Message{}) || i.card.cardless() {
		return
	}
	t.parent, t.then = i.card.ID, t.at
	t.at = t.at.Add(2 * giveUp)
	r.threads[t.parent] = append(r.threads[t.parent], t)
}

// posted lets the details go whose card has been posted, or never will be.
func (r *Response) posted() {
	s := &r.fold.incidents
	for _, id := range s.forgotten {
		r.unthread(id)
	}
	s.forgotten = nil
	for id := range r.threads {
		if c := &s.byID[id].card; c.Message != (Message{}) || c.cardless() {
			r.unthread(id)
		}
	}
}

func (r *Response) unthread(id string) {
	for _, t := range r.threads[id] {
		t.parent = ""
		t.q.move(t, t.then)
	}
	delete(r.threads, id)
}

// leave takes a detail that is over out of those that wait for a card.
func (r *Response) leave(t *task) {
	if t.parent == "" {
		return
	}
	if r.threads[t.parent] = slices.DeleteFunc(r.threads[t.parent], func(o *task) bool { return o == t }); len(r.threads[t.parent]) == 0 {
		delete(r.threads, t.parent)
	}
}
