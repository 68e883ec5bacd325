package simulate

import (
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Attacks lists the kinds that a Generator has; the population has them all (AllAttacks).
func Attacks() []Attack { return []Attack{StolenCookie, ParallelProxy, ReplayEnded, ReplayRotated} }

// theft is an attack under way: a script of the thief's requests, the victim's between them.
type theft struct {
	kind   Attack
	victim *session
	token  string // as stolen
	sid    string
	from   vantage
	step   int
}

func newTheft(a Attack) *theft { return &theft{kind: a} }

// replayAfter is longer than every grace of revoked-replay's defaults (10 s after an end, 30 s after a rotation).
const replayAfterEnd, replayAfterRotation = 14 * time.Second, 40 * time.Second

// act is the script: the victim acts once, then thief and victim take turns, or the victim leaves and the thief comes.
func (t *theft) act(g *Generator, e *Event) (int64, bool) {
	if t.victim == nil && !t.choose(g) {
		return int64(time.Second), true
	}
	t.step++
	e.Attack = t.kind
	if t.step == 1 {
		return t.begin(g, e), true
	}
	refused := g.revoked[t.token]
	owner := t.step%3 == 0 && t.victim.busy && !refused
	if owner {
		t.victim.use(g, e)
	} else {
		t.steal(g, e)
		if refused {
			e.Status = 401
		}
	}
	if t.step == 9 || refused {
		t.victim.busy = false
		return 0, false
	}
	return int64(1200*time.Millisecond) + g.rand.Int64N(int64(time.Second)), true
}

// begin is the victim's own act, after which the thief can start.
func (t *theft) begin(g *Generator, e *Event) int64 {
	t.token, t.sid = t.victim.token, t.victim.sid
	switch t.kind {
	case ReplayEnded:
		t.victim.logout(g, e)
		t.victim.busy = false
		return int64(replayAfterEnd)
	case ReplayRotated:
		t.victim.rotate(g, e)
		t.victim.state, t.victim.busy = live, false
		return int64(replayAfterRotation)
	}
	t.victim.use(g, e)
	return int64(2 * time.Second)
}

// steal is a request of the thief with the token as stolen.
func (t *theft) steal(g *Generator, e *Event) {
	t.victim.describe(e, t.from, thiefBrowser.at(thiefBrowser.version))
	e.Token, e.Session = t.token, t.sid
	e.Type, e.Method, e.Path, e.Status = schema.SessionUsed, "GET", "/account", 200
	e.Role = Attacker
}

// choose finds a laptop's live session that nobody attacks; thieves prefer those.
func (t *theft) choose(g *Generator) bool {
	for range 64 {
		s := g.sessions[g.rand.IntN(len(g.sessions))]
		if s.state != live || s.busy || s.refused || s.phone || s.person.robbed {
			continue
		}
		s.busy, s.person.robbed = true, true
		t.victim = s
		t.from = s.elsewhere(g)
		if t.kind == StolenCookie {
			far := &g.cities[homes+g.rand.IntN(len(g.cities)-homes)].hosting
			t.from = vantage{far, far.address(g.rand)}
		}
		return true
	}
	return false
}
