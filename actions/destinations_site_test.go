package actions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/revoke"
	"github.com/hijackd/hijackd/schema"
)

// dice are rolled by the world and by its servers' goroutines.
type dice struct {
	mu sync.Mutex
	*rand.PCG
}

func (d *dice) Uint64() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.PCG.Uint64()
}

// site is one schedule of faults: a response log, a receiver that speaks HTTP/1.1 over pipes, and members that are killed, frozen and
// replaced at any step towards the outside. Everything runs in a bubble of synctest, as the product's own code.
type site struct {
	policy   *actions.Policy
	mutant   string
	verifier *webhooks.Webhook
	listener *listener
	down     [2]time.Time // the receiver is away between
	long     bool         // for longer than 23 h
	ended    chan struct{}

	mu        sync.Mutex
	r         *rand.Rand
	steps     int
	struck    map[int]string // what befalls the owner at its n-th step
	gen       int64
	owner     *member
	members   sync.WaitGroup
	signals   []schema.Record
	committed int64
	fed       bool

	log       []logged
	top       actions.Office
	entries   map[string]*entry
	lives     map[string]*life // by action id
	notBefore map[string]asked
	archived  map[string]schema.ActionState
	published map[string]int
	messages  map[string]int
	zombies   bool
	wrong     map[string]string
	stats     map[string]int
}

type logged struct {
	at    time.Time
	value []byte
}

// entry is an action or a message as the valid records of the log tell it.
type entry struct {
	state        schema.ActionState
	order        int
	since, ended time.Time
	page         bool
}

// life is one life of a token, which is to be revoked once.
type life struct {
	token   string
	plan    plan
	calls   int
	refused *member // who got a final answer
	effects int
	first   time.Time // of its effect
	late    bool      // which came after the call had been given up
}

type asked struct {
	of    *member
	until time.Time
}

// member is one process with the lane.
type member struct {
	s       *site
	gen     int64
	webhook *revoke.Webhook
	conns   []pipe
	dead    bool
	zombie  bool
	news    chan struct{}
	stop    chan struct{}
}

var (
	laneMetrics = actions.NewMetrics(prometheus.NewRegistry(), time.Now)
	quiet       = slog.New(slog.DiscardHandler)
)

func newSite(p *actions.Policy, seed uint64, mutant string) *site {
	s := &site{
		policy: p, mutant: mutant, verifier: verifier(), listener: &listener{make(chan net.Conn), make(chan struct{})}, ended: make(chan struct{}),
		r: rand.New(&dice{PCG: rand.NewPCG(seed, 5)}), struck: map[int]string{}, entries: map[string]*entry{}, lives: map[string]*life{},
		notBefore: map[string]asked{}, archived: map[string]schema.ActionState{}, published: map[string]int{}, messages: map[string]int{},
		wrong: map[string]string{}, stats: map[string]int{},
	}
	for range s.r.IntN(6) {
		s.struck[1+s.r.IntN(10<<s.r.IntN(4))] = []string{"kill", "freeze"}[s.r.IntN(2)]
	}
	switch x := s.r.IntN(100); {
	case x < 2:
		s.outage(23*time.Hour + time.Duration(s.r.IntN(4))*time.Hour)
		s.long = true
	case x < 15:
		s.outage(time.Duration(1+s.r.IntN(40)) * time.Minute)
	}
	return s
}

func (s *site) outage(d time.Duration) {
	from := time.Now().Add(time.Duration(s.r.IntN(10)) * time.Second)
	s.down = [2]time.Time{from, from.Add(d)}
}

func (s *site) away() bool { return time.Now().After(s.down[0]) && time.Now().Before(s.down[1]) }

func (s *site) fail(what, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed(what, format, args...)
}

func (s *site) failed(what, format string, args ...any) {
	if s.wrong[what] == "" {
		s.wrong[what] = fmt.Sprintf(format, args...)
	}
}

func (s *site) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats[what]++
}

func (s *site) short(most time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.r.Int64N(int64(most)))
}

func (s *site) pct(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.IntN(100) < n
}

// feed lets findings about a few tokens arrive, some of which have several lives.
func (s *site) feed() {
	for tok := range 2 + s.r.IntN(5) {
		for epoch := range 1 + s.r.IntN(3) {
			f := actions.Conclusive(fmt.Sprint("h1:k1:", tok))
			f.Epoch, f.ID = epoch, schema.FindingID("", f.Rule, f.Scope, f.Token, epoch, "a|b")
			l := &life{token: f.Token, plan: plan{end: "204"}}
			s.mu.Lock()
			for range s.r.IntN(5) {
				l.plan.faults = append(l.plan.faults, passing[s.r.IntN(len(passing))])
			}
			if s.r.IntN(3) == 0 {
				l.plan.end = final[s.r.IntN(len(final))]
			}
			s.lives[schema.ActionID("", f.Token, string(schema.RevokeSession), fmt.Sprint(epoch))] = l
			s.mu.Unlock()
			s.arrive(f)
			time.Sleep(s.short(3 * time.Second))
		}
	}
	s.mu.Lock()
	s.fed = true
	s.mu.Unlock()
}

func (s *site) arrive(f *schema.Finding) {
	v, err := json.Marshal(schema.Signal{Finding: f})
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signals = append(s.signals, schema.Record{Offset: int64(len(s.signals)), Time: time.Now().UnixNano(), Value: v})
	s.owner.poke()
}

func (m *member) poke() {
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// begin gives the lane to a new member.
func (s *site) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ended:
		return
	default:
	}
	s.gen++
	m := &member{s: s, gen: s.gen, news: make(chan struct{}, 1), stop: make(chan struct{})}
	m.poke()
	s.owner = m
	s.members.Go(m.run)
}

// run is the lane's runner.
func (m *member) run() {
	s, ctx := m.s, context.Background()
	cfg := revoke.Defaults()
	cfg.URL, cfg.Secret, cfg.AllowPrivate = "http://receiver.test/hook", hookSecret, true
	secrets, err := revoke.LoadSecrets(cfg)
	if err != nil {
		panic(err)
	}
	if m.webhook, err = revoke.New(cfg, secrets, time.Now); err != nil {
		panic(err)
	}
	m.webhook.Dial(m.dial)
	lane := actions.NewResponse(s.policy, actions.LaneDefaults(), actions.Deps{
		Log: m, Publisher: m, Archive: m, Revoker: m, Alerter: m, Logger: quiet, Metrics: laneMetrics,
	})
	lane.Break(s.mutant)
	defer m.end(lane)
	s.mu.Lock()
	committed := s.committed
	s.mu.Unlock()
	pos, err := lane.Open(ctx, schema.Assignment{Term: schema.Term{Generation: m.gen, Start: 1}, Committed: committed})
	for err == nil {
		select {
		case <-m.stop:
			return
		case <-lane.Wake():
			err = lane.Work(ctx)
		case <-m.news:
			s.mu.Lock()
			recs := s.signals[pos:len(s.signals):len(s.signals)]
			s.mu.Unlock()
			pos += int64(len(recs))
			err = lane.Process(ctx, recs)
		}
		if err == nil {
			s.commit(m, lane.Durable())
		}
	}
	if !errors.Is(err, actions.ErrFenced) {
		s.fail("error", "%v", err)
	}
}

func (s *site) commit(m *member, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m == s.owner {
		s.committed = max(s.committed, to)
	}
}

// end is the end of a process, whatever it was doing.
func (m *member) end(lane *actions.Response) {
	m.die()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	lane.Close(gone)
	m.webhook.Close()
}

func (m *member) die() {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if !m.dead {
		m.dead = true
		close(m.stop)
	}
	for _, c := range m.conns { // the kernel closes what a dead process had open
		_ = c.Close()
	}
}

// at is a step of a member towards the outside. The process may end or freeze here; of one that has ended nothing goes further.
func (m *member) at(step string) {
	s := m.s
	s.mu.Lock()
	dead, what := m.dead, ""
	if m == s.owner && !dead && !m.zombie {
		s.steps++
		what = s.struck[s.steps]
	}
	if what != "" {
		s.stats[what+" "+step]++
		m.zombie = m.zombie || what == "freeze"
		s.zombies = s.zombies || what == "freeze"
	}
	s.mu.Unlock()
	switch what {
	case "kill":
		m.die()
		go func() {
			time.Sleep(s.short(20 * time.Second))
			s.begin()
		}()
		dead = true
	case "freeze":
		time.Sleep(6 * time.Second)
		s.begin()
		time.Sleep(s.short(2 * time.Minute))
		go func() { // it learns that its generation has ended
			time.Sleep(s.short(10 * time.Second))
			m.die()
		}()
	}
	if dead {
		runtime.Goexit()
	}
}
