package actions

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// order is a person's command with what the lane answered. Its record stands in the log before what it changes: a crash between the two
// leaves what the next owner completes before it acts, and a command that comes again finds its answer given and changes nothing.
type order struct {
	Command schema.Command `json:"command"`
	Offset  int64          `json:"offset"` // of its signal
	At      time.Time      `json:"at"`     // record time of its signal
	Answers []answer       `json:"answers"`
	// N numbers the states of the allow entry or switch that the command changes.
	N int64 `json:"n,omitempty"`
}

// answer is what becomes of one thing that a command names.
type answer struct {
	About   string             `json:"about"`
	State   schema.ActionState `json:"state,omitempty"` // that the action comes to in Round; 0: nothing changes
	Round   int                `json:"round,omitempty"`
	Refused string             `json:"refused,omitempty"` // why it was not obeyed
}

// given says where and when a command was first answered.
type given struct {
	offset int64
	at     time.Time
}

// Longest author, reason and id of a command, in bytes, as kept.
const (
	byMost  = 256
	whyMost = 1000
	idMost  = 128
)

// order answers a command. It changes nothing: its record, read back, does. untried reports whether nobody can have tried an entry.
func (f *Fold) order(c *schema.Command, offset int64, at time.Time, untried func(*entry) bool) *order {
	o := &order{Command: *c, Offset: offset, At: at}
	if f.faults.freshAgain && c.Verb == schema.Again {
		o.N = int64(len(f.entries)) + 1
	}
	o.Command.By, o.Command.Why = string(schema.CleanText(c.By, byMost)), string(schema.CleanText(c.Why, whyMost))
	o.Command.Via, o.Command.Incident = string(schema.CleanText(c.Via, idMost)), string(schema.CleanText(c.Incident, idMost))
	o.Command.Targets = slices.Clone(c.Targets)
	for i := range o.Command.Targets {
		if t := &o.Command.Targets[i]; !isFingerprint(t.Token) { // it may be a raw token
			t.Token = ""
		}
	}
	switch {
	case c.By == "":
		o.refuse("", "it doesn't say who orders it")
		return o
	case c.Why == "":
		o.refuse("", "it doesn't say why")
		return o
	}
	switch c.Verb {
	case schema.Release, schema.Discard, schema.Hold, schema.Retry:
		f.orderActions(o, untried)
	case schema.Revoke, schema.Again:
		f.orderRevocations(o)
	case schema.Allowed, schema.Disallow:
		f.orderAllow(o)
	case schema.Kill, schema.Unkill:
		f.orderSwitch(o)
	case schema.Acknowledge, schema.Dismiss:
		f.orderIncident(o)
	default:
		o.refuse("", "this version of hijackd does not know the order")
	}
	return o
}

func (o *order) refuse(about, why string) {
	o.Answers = append(o.Answers, answer{About: about, Refused: why})
}

// orderActions answers an order about actions. One that names an action is about it at every destination, one that names an action at a
// destination (id@name) about it there.
func (f *Fold) orderActions(o *order, untried func(*entry) bool) {
	seen := map[string]bool{}
	for _, id := range o.Command.Actions {
		if seen[id] {
			continue
		}
		seen[id] = true
		var answers []answer
		why := ""
		for _, e := range f.everywhere(id) {
			if e.tenant != o.Command.Tenant {
				continue
			}
			a, refused := e.obeys(o.Command.Verb, untried)
			if refused == "" {
				answers = append(answers, a)
			}
			why = cmp.Or(why, refused)
		}
		if o.Answers = append(o.Answers, answers...); len(answers) == 0 {
			o.refuse(string(schema.CleanText(id, idMost)), cmp.Or(why, "there is no such action"))
		}
	}
	if len(o.Answers) == 0 {
		o.refuse("", "it names no action")
	}
}

// everywhere lists an action's entries, the primary destination's first.
func (f *Fold) everywhere(id string) (es []*entry) {
	if e := f.entries[id]; e != nil && e.isAction() && e.state != 0 {
		es = append(es, e)
	}
	return append(es, f.elsewhere[id]...)
}

// obeys says what an order makes of an action, or why it is not obeyed.
func (e *entry) obeys(v schema.Verb, untried func(*entry) bool) (a answer, refused string) {
	a = answer{About: e.id, Round: e.round}
	switch {
	case v == schema.Release && e.state == schema.ActionHeld:
		a.State = schema.ActionReleased
	case v == schema.Discard && e.state == schema.ActionHeld:
		a.State = schema.ActionDiscarded
	case v == schema.Retry && e.state == schema.ActionFailed && e.action != nil:
		a.State, a.Round = schema.ActionReleased, e.round+1
	case v == schema.Hold && e.due() && untried(e):
		if a.State = schema.ActionHeld; e.state == schema.ActionReleased { // which is higher
			a.Round = e.round + 1
		}
	case v == schema.Hold && e.due():
		return a, "it may have gone out already"
	case v == schema.Retry && e.state == schema.ActionFailed:
		return a, "its record is gone from the response log"
	default:
		return a, "it is " + e.state.String()
	}
	return a, ""
}

// orderRevocations answers revoke and again.
func (f *Fold) orderRevocations(o *order) {
	seen := map[string]bool{}
	for i := range o.Command.Targets[:min(len(o.Command.Targets), targetsMost)] {
		t := &o.Command.Targets[i]
		id := o.revocation(t)
		if seen[id] {
			continue
		}
		seen[id] = true
		a := answer{About: id, State: schema.ActionReleased}
		switch e := f.entries[id]; {
		case t.Token == "":
			a = answer{Refused: "it names no fingerprint"}
		case e == nil:
		case e.due() || e.state == 0:
			a.State = 0 // it goes out anyway
		case e.state == schema.ActionDelivered:
			a = answer{About: id, Refused: "already revoked: order again"}
		case e.state == schema.ActionHeld:
			a.Round = e.round
		default:
			a.Round = e.round + 1
		}
		o.Answers = append(o.Answers, a)
	}
	switch n := len(o.Command.Targets); {
	case n == 0:
		o.refuse("", "it names no token")
	case n > targetsMost:
		o.refuse("", "it names more tokens than one order may: the first "+itoa(targetsMost)+" are taken")
	}
}

// epoch is that of an ordered revocation: the token's life, and of one ordered again the order as well, so that an order is one revocation
// however often it comes, and no later life has its id.
func (o *order) epoch(t *schema.Target) string {
	epoch := itoa(t.Epoch)
	if o.Command.Verb == schema.Again {
		epoch += "." + o.Command.ID
	}
	if o.N > 0 { // a mutant
		epoch += "." + strconv.FormatInt(o.N, 36)
	}
	return epoch
}

// revocation is the id of what is ordered about a token.
func (o *order) revocation(t *schema.Target) string {
	return schema.ActionID(o.Command.Tenant, t.Token, string(schema.RevokeSession), o.epoch(t))
}

// carry lists the records of what an order changes, without those that the log holds.
func (f *Fold) carry(o *order) (rs []*record) {
	for i := range o.Answers {
		if a := f.carryAction(o, &o.Answers[i]); a != nil {
			rs = append(rs, &record{Action: a, Since: o.At})
		}
	}
	if len(o.Answers) != 1 || o.Answers[0].Refused != "" {
		return rs
	}
	switch o.Command.Verb {
	case schema.Allowed, schema.Disallow, schema.Dismiss:
		if a := o.allowance(); !f.allows.has(a) {
			rs = append(rs, &record{Allow: a})
		}
	case schema.Kill, schema.Unkill:
		if s := o.turned(); !f.switches.has(s) {
			rs = append(rs, &record{Switch: s})
		}
	}
	return rs
}

func (f *Fold) carryAction(o *order, a *answer) *schema.Action {
	e := f.entries[a.About]
	if a.State == 0 || e != nil && e.state != 0 && compareStanding(e.round, e.state, a.Round, a.State) >= 0 {
		return nil
	}
	var c schema.Action
	switch {
	case e != nil && e.action != nil:
		c = *e.action
	default:
		i := slices.IndexFunc(o.Command.Targets, func(t schema.Target) bool {
			return a.About == o.revocation(&t)
		})
		if i < 0 {
			return nil // gone from the log, as recall says
		}
		t := &o.Command.Targets[i]
		c = schema.Action{ID: a.About, Action: schema.RevokeSession, Tenant: o.Command.Tenant, Subject: t.Token, Epoch: o.epoch(t), Token: t.Token,
			Session: t.Session, User: t.User, Partition: t.Partition, Reason: "ordered", Mode: string(Enforce), Findings: []schema.Finding{}, DecidedAt: o.At}
	}
	c.State, c.Round, c.By, c.Why = a.State, a.Round, o.Command.By, o.Command.Why
	if a.State == schema.ActionReleased {
		c.Released = true
	}
	c.Attempts, c.FinishedAt, c.Outcome = 0, time.Time{}, ""
	return &c
}

// bodies lists the entries whose actions an order needs.
func (f *Fold) bodies(o *order) (es []*entry) {
	for i := range o.Answers {
		if e := f.entries[o.Answers[i].About]; e != nil && o.Answers[i].State != 0 {
			es = append(es, e)
		}
	}
	return es
}

// compareStanding orders states of one entry by how far they have come.
func compareStanding(round int, state schema.ActionState, otherRound int, other schema.ActionState) int {
	return cmp.Or(cmp.Compare(round, otherRound), cmp.Compare(state, other))
}

// answeredFirst enters a command's record and reports whether that is news.
func (f *Fold) answeredFirst(at time.Time, o *order) bool {
	if _, known := f.orders[o.Command.ID]; known && !f.faults.forgetOrders {
		return false
	}
	f.orders[o.Command.ID] = given{o.Offset, at}
	return true
}

// forgetOrders drops the commands that were answered before a time: the signals topic holds them no more.
func (f *Fold) forgetOrders(before time.Time) {
	for id, g := range f.orders {
		if g.at.Before(before) {
			delete(f.orders, id)
		}
	}
}

// obey answers a command, once, makes the answer durable, then what it changes, and returns what follows for recent findings. A command that
// was answered under an earlier offset is a repetition and changes nothing.
func (r *Response) obey(ctx context.Context, offset int64, at time.Time, c *schema.Command) (out Outcome, err error) {
	if c.ID == "" {
		r.deps.Metrics.unreadable.Inc()
		r.deps.Logger.Error("order without an id skipped", slog.Int64("offset", offset))
		return out, nil
	}
	g, known := r.fold.orders[c.ID]
	if known && offset > g.offset && !r.faults.forgetOrders {
		return out, nil
	}
	if !known || r.faults.forgetOrders || r.faults.freshAgain && c.Verb == schema.Again {
		o := r.fold.order(c, offset, at, r.untried)
		if err := r.journal.recall(ctx, r.fold.bodies(o)); err != nil {
			return out, err
		}
		if err := r.write(ctx, append([]*record{{Command: o}}, r.fold.carry(o)...)); err != nil {
			return out, err
		}
	}
	if c.Verb == schema.Allowed || c.Verb == schema.Disallow || c.Verb == schema.Dismiss {
		if a := r.fold.allows.known[allowKey{c.Tenant, allowID(c)}]; a != nil {
			out = r.fold.allowed(at, a)
		}
	}
	return out, nil
}

// untried reports whether nobody can have tried an entry: this owner has not, and it was authorised under this owner or while the kill switch
// was on, as it still is.
func (r *Response) untried(e *entry) bool {
	if r.faults.holdTried {
		return true
	}
	t := e.task
	return t != nil && t.attempts == 0 && !t.uncertain
}

// forgetAtTakeover is for mutants.
func (r *Response) forgetAtTakeover() {
	if r.faults.forgetActions {
		r.fold.entries, r.fold.elsewhere = map[string]*entry{}, map[string][]*entry{}
	}
	if r.faults.forgetSwitch {
		r.fold.switches = newSwitches()
	}
	if r.faults.auditLatest {
		r.lines = nil
	}
}
