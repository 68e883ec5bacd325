package actions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
	"github.com/prometheus/client_golang/prometheus"
)

// world is everything outside response lanes of one signals partition: Kafka, the webhook's receiver, Slack, ClickHouse, members that
// crash, freeze and live on as zombies, analysts, and time. Lanes run as the product's own code, in coroutines that a seeded
// scheduler resumes one at a time: every call to the outside is a point where anything else may happen first.
type world struct {
	r      *rand.Rand
	broken faults // the mutant
	now    time.Time
	tick   int
	chaos  bool

	log       []logged // all that was ever written; before base it is deleted
	base      int64
	signals   []schema.Record
	feed      []schema.Signal
	committed int64
	gen       int64
	starts    int64
	owner     *member
	members   []*member
	lanes     []*Response
	cos       []*co
	cur       *co
	late      []delayed
	hookDown  int // until this tick
	rowsDown  int

	decoded   map[*byte]*record
	effects   map[string]effect // the first of each id
	published map[string]int    // session.revoked: tick
	announced map[string][]schema.Finding
	archived  map[string][]schema.Finding
	actions   map[string]int // highest archived: round and state
	refusals  map[string]bool
	file      bool // the kill file is there
	messages  map[string]int
	audits    map[string]schema.Audit
	commands  int
	ghosts    map[string]bool // messages that somebody sent who had lost the lane
	wall      wall
	wrong     map[string]string
	stats     map[string]int
}

type logged struct {
	at    time.Time
	value []byte
	rec   *record
}

type effect struct {
	id     string // with the destination
	at     time.Time
	logEnd int64
	action *schema.Action
}

type delayed struct {
	tick int
	do   func()
}

// member is one process with the lane, or a zombie that does not know yet that its generation has ended.
type member struct {
	gen    int64
	frozen int // until this tick
	dead   bool
	file   bool // it saw the kill file when it looked last
	lane   *Response
	latest *Response // that began
}

// co is a coroutine of a member: its runner, or one of its lane's goroutines.
type co struct {
	m     *member
	lane  *Response // nil of a runner
	read  int64     // how much of the log its lane had read when it began
	file  bool      // and whether the kill file was there
	next  func() (struct{}, bool)
	stop  func()
	yield func()
	until time.Time
	done  bool
}

type killed struct{}

const (
	perMinute = 2
	perHour   = 4
	perUser   = 2
)

var errInjected = errors.New("injected")

func newWorld(seed uint64, broken faults) *world {
	w := &world{
		r: rand.New(rand.NewPCG(seed, 28)), broken: broken, now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), chaos: true,
		decoded: map[*byte]*record{}, effects: map[string]effect{}, published: map[string]int{}, announced: map[string][]schema.Finding{}, archived: map[string][]schema.Finding{},
		actions: map[string]int{}, refusals: map[string]bool{}, messages: map[string]int{}, ghosts: map[string]bool{}, wall: newWall(seed), audits: map[string]schema.Audit{}, wrong: map[string]string{}, stats: map[string]int{},
	}
	if broken.randomIDs != nil {
		w.broken.randomIDs = func() string { return "act_" + strconv.FormatUint(w.r.Uint64(), 36) }
	}
	w.fill()
	w.rebalance()
	return w
}

func (w *world) fail(what, format string, args ...any) {
	if w.wrong[what] == "" {
		w.wrong[what] = fmt.Sprintf(format, args...)
	}
}

func (w *world) pct(n int) bool { return w.chaos && w.r.IntN(100) < n }

// --- coroutines ---

func (w *world) start(m *member, read int64, f func()) {
	c := &co{m: m, read: read, file: m.file}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if p := recover(); p != nil && p != (killed{}) {
				panic(p)
			}
		}()
		c.yield = func() {
			if !yield(struct{}{}) {
				panic(killed{})
			}
		}
		f()
	})
	w.cos = append(w.cos, c)
}

// others lets anything else happen, then comes back.
func (w *world) others() { w.cur.yield() }

func (w *world) resume(c *co) {
	w.cur = c
	if _, ok := c.next(); !ok {
		c.done = true
	}
}

// sweep drops what has ended and stops what is dead.
func (w *world) sweep() {
	live := w.cos[:0]
	for _, c := range w.cos {
		if c.m.dead && !c.done {
			c.stop()
			c.done = true
		}
		if !c.done {
			live = append(live, c)
		}
	}
	w.cos = live
}

// --- members ---

func (w *world) rebalance() {
	w.gen++
	w.starts = 0
	if w.pct(4) {
		w.gen = 1 // the group had expired: its generations begin again
		w.stats["expired"]++
	}
	m := &member{gen: w.gen}
	w.owner = m
	w.members = append(w.members, m)
	w.start(m, 0, func() { w.run(m) })
	w.stats["rebalances"]++
}

// run is the lane's runner.
func (w *world) run(m *member) {
	ctx := context.Background()
	for start := int64(1); ; start++ {
		w.others()
		lane := w.lane(m)
		pos, err := lane.Open(ctx, schema.Assignment{Term: schema.Term{Generation: m.gen, Start: start}, Committed: w.committed})
		m.lane = lane
		for err == nil {
			w.others()
			if n := int64(len(w.signals)); pos < n && w.r.IntN(2) == 0 {
				end := min(n, pos+1+int64(w.r.IntN(4)))
				err = lane.Process(ctx, w.signals[pos:end])
				pos = end
			} else {
				err = lane.Work(ctx)
			}
			if err == nil && w.r.IntN(2) == 0 {
				w.commit(m, lane.Durable())
			}
		}
		if !errors.Is(err, errInjected) && !errors.Is(err, ErrFenced) && !errors.Is(err, ErrReread) && !errors.Is(err, errOpeningLost) {
			w.fail("error", "%v", err)
		}
		w.stats["restarts"]++
		if w.r.IntN(2) == 0 { // the calls of the discarded lane end with it; else they go on and report to nobody
			for _, c := range w.cos {
				if c.m == m && c != w.cur && !c.done {
					c.stop()
					c.done = true
				}
			}
		}
	}
}

var worldModes = map[string]Mode{"parallel-use": Enforce, "token-harvest": Enforce, "device-change": Warn, "beacon": Warn, "not-rotated": Shadow}

// before is the first offset of a horizon before an offset.
func (w *world) before(_ context.Context, offset int64, d time.Duration) (int64, error) {
	w.others()
	if offset == 0 {
		return 0, nil
	}
	from := w.signals[offset-1].Time - int64(d)
	i, _ := slices.BinarySearchFunc(w.signals, from, func(r schema.Record, t int64) int { return cmp.Compare(r.Time, t) })
	return int64(i), nil
}

func (w *world) lane(m *member) *Response {
	c := Defaults()
	c.Mode, c.Limits = Enforce, Limits{RevokesPerMinute: perMinute, RevokesPerHour: perHour, RevokesPerUserPerHour: perUser}
	p, err := NewPolicy(c, worldModes)
	if err != nil {
		panic(err)
	}
	cfg := LaneDefaults()
	cfg.Restate, cfg.MaxRows, cfg.Calls = 20*time.Minute, 6, 2
	cfg.StormPerMinute, cfg.DigestAt = w.wall.perMinute, digestOfWorlds
	var alerter Alerter = w
	if w.wall.none {
		alerter = alerting(w.Alert)
	}
	lane := NewResponse(p, cfg, Deps{
		Log: w, Publisher: w, Archive: w, Revoker: w, Alerter: alerter, Horizon: w.before, Now: func() time.Time { return w.now },
		Others: []Destination{{Name: "okta", Revoker: w}}, Channels: []Channel{{Name: "pager", Alerter: alerting(w.Alert)}},
		Killed: func() bool { m.file = w.file; return w.file },
		Jitter: w.r.Float64, Nonce: w.r.Uint64, Logger: slog.New(slog.DiscardHandler), Metrics: sharedMetrics,
	})
	lane.faults = w.broken
	w.lanes = append(w.lanes, lane)
	lane.journal.decode = func(value []byte) (*record, error) { return w.decoded[&value[0]], nil } // the same records are read again and again
	m.latest = lane
	lane.spawn = func(f func()) {
		w.start(m, lane.journal.next, f)
		w.cos[len(w.cos)-1].lane = lane
	}
	lane.pause = func(_ context.Context, d time.Duration) { w.cur.until = w.now.Add(d); w.others() }
	lane.after = func(time.Duration, func()) func() { return func() {} } // the runner above calls Work all the time
	return lane
}

var sharedMetrics = NewMetrics(prometheus.NewRegistry(), time.Now)

// commit is refused under an old generation. Everything before it must be where it belongs.
func (w *world) commit(m *member, to int64) {
	w.others()
	if m != w.owner || to <= w.committed {
		return
	}
	for _, rec := range w.signals[w.committed:to] {
		var s schema.Signal
		if err := json.Unmarshal(rec.Value, &s); err != nil {
			panic(err)
		}
		if f := s.Finding; f != nil && (!has(w.announced[f.ID], f) || !has(w.archived[f.ID], f)) {
			w.fail("commit", "offset %d is committed, its finding is not announced and archived", rec.Offset)
		}
	}
	w.committed = to
}

// has reports whether a version at least as strong as f is among fs.
func has(fs []schema.Finding, f *schema.Finding) bool {
	for i := range fs {
		if f.Compare(&fs[i]) <= 0 {
			return true
		}
	}
	return false
}

// --- the outside, as lanes see it ---

func (w *world) Append(_ context.Context, es []Entry) error {
	at := w.now
	w.others()
	write := func(n int) {
		for _, e := range es[:n] {
			w.log = append(w.log, logged{at, e.Value, w.wrote(e)})
		}
	}
	later := func() { w.late = append(w.late, delayed{w.tick + w.r.IntN(60), func() { write(len(es)) }}) }
	switch {
	case w.pct(2):
		w.stats["late"]++
		later()
		return errInjected
	case w.pct(3):
		write(w.r.IntN(len(es) + 1))
		return errInjected
	case w.pct(8): // twice
		write(len(es))
		later()
	default:
		write(len(es))
	}
	w.others()
	return nil
}

// wrote checks a record as it is written: delivered comes after session.revoked.
func (w *world) wrote(e Entry) *record {
	rec, err := readRecord(e.Value)
	if err != nil {
		panic(err)
	}
	if a := rec.Action; a != nil && a.State == schema.ActionDelivered && a.To == "" && w.published[a.ID] == 0 {
		w.fail("recorded before session.revoked", "%s", a.ID)
	}
	w.decoded[&e.Value[0]] = rec
	return rec
}

func (w *world) Read(_ context.Context, from int64, each func(int64, time.Time, []byte, []byte) error) (int64, error) {
	w.others()
	if w.pct(1) {
		return 0, errInjected
	}
	for i := max(from, w.base); i < int64(len(w.log)); i++ {
		if err := each(i, w.log[i].at, nil, w.log[i].value); err != nil {
			return i, err
		}
	}
	return int64(len(w.log)), nil
}

func (w *world) Revoke(_ context.Context, a *schema.Action) Result {
	h := w.valid(w.base, w.cur.read)
	if j := h.entries[a.EntryID()]; j != nil && (j.round > a.Round || j.round == a.Round && j.state >= schema.ActionDiscarded) {
		w.fail("called though its end was read", "%s", a.EntryID())
	}
	if h.killed() || w.cur.file {
		w.fail("called while the kill switch is on", "%s", a.EntryID())
	}
	w.others()
	if w.tick < w.hookDown || w.pct(10) {
		return Result{Class: Again, Detail: "503", RetryAfter: time.Duration(w.r.IntN(20)) * time.Second}
	}
	id := a.EntryID()
	_, reached := w.effects[id]
	if refused(a.Token) || !reached && w.pct(8) {
		w.refusals[id] = true
		return Result{Class: Refused, Detail: "410"}
	}
	if !reached {
		w.effects[id] = effect{id, w.now, int64(len(w.log)), a}
	}
	w.others()
	if w.pct(15) {
		return Result{Class: Again, Detail: "timeout"}
	}
	return Result{Class: Done, Detail: "204"}
}

// refused tokens are those that the receiver does not know.
func refused(token string) bool { return token == "h1:k1:8" }

func (w *world) Revoked(_ context.Context, a *schema.Action) error {
	w.others()
	if w.pct(8) {
		return errInjected
	}
	if w.published[a.ID] == 0 {
		w.published[a.ID] = w.tick
	}
	if w.pct(8) {
		return errInjected
	}
	return nil
}

func (w *world) Announce(_ context.Context, fs []schema.Finding) error {
	return w.keep(w.announced, fs, w.pct(8))
}

func (w *world) InsertFindings(_ context.Context, fs []schema.Finding) error {
	return w.keep(w.archived, fs, w.tick < w.rowsDown || w.pct(8))
}

func (w *world) keep(into map[string][]schema.Finding, fs []schema.Finding, down bool) error {
	w.others()
	if down {
		return errInjected
	}
	for i := range fs {
		into[fs[i].ID] = append(into[fs[i].ID], fs[i])
	}
	if w.pct(4) {
		return errInjected
	}
	return nil
}

func (w *world) InsertActions(_ context.Context, as []schema.Action) error {
	w.others()
	if w.tick < w.rowsDown || w.pct(8) {
		return errInjected
	}
	for i := range as {
		id := as[i].EntryID()
		w.actions[id] = max(w.actions[id], standing(as[i].Round, as[i].State))
	}
	return nil
}

func standing(round int, state schema.ActionState) int { return round<<8 | int(state) }

func (w *world) InsertAudit(_ context.Context, lines []schema.Audit) error {
	w.others()
	if w.tick < w.rowsDown || w.pct(8) {
		return errInjected
	}
	for i := range lines {
		w.audits[lines[i].ID] = lines[i]
	}
	return nil
}

func (w *world) Alert(_ context.Context, a *Alert) Result {
	w.others()
	id := a.entryID()
	if a.Uncertain && w.messages[id] > 0 {
		return Result{Class: Done, Detail: "found"}
	}
	if w.pct(10) {
		return Result{Class: Again, Detail: "429", RetryAfter: time.Second}
	}
	w.messages[id]++
	w.ghosts[id] = w.ghosts[id] || w.ghost()
	if a.To == "" {
		w.posted(a)
	}
	if w.pct(10) {
		return Result{Class: Again, Detail: "timeout"}
	}
	return Result{Class: Done}
}
