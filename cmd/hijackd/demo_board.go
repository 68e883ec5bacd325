package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// news is something that happened around the daemon.
type news any

type (
	// arrived counts events that the broker has taken.
	arrived int
	// attackBegan is a thief's first use of a token.
	attackBegan struct {
		kind              simulate.Attack
		token, user, city string
		at                time.Time
	}
	// found is a decided finding.
	found struct{ finding schema.Finding }
	// revoked is a webhook as its receiver got it.
	revoked struct {
		id, token, session, user, reason string
		findings                         []string
		completed                        time.Time // event time of the event that completed the last finding
		at                               time.Time
	}
	// alerted is a Slack message: the card of an incident, new or brought up to date, or something in its thread.
	alerted struct {
		finding string // whose detail it is
		token   string // of a card: whom it is about
		reply   bool
		edits   int
		lines   []string
	}
)

// attackRecord is what became of an attack.
type attackRecord struct {
	attackBegan
	found, revoked, alerted bool
	took                    time.Duration // completing event → webhook
}

// board keeps the score and shows what happens, in an order that reads: finding, revocation, message.
type board struct {
	screen          *screen
	produced, rows  int // events sent, and of them stored
	attacks         []*attackRecord
	findings        map[string]schema.Finding
	waiting         []news // revocations and messages whose finding has not been shown yet
	took            []time.Duration
	delivered       int
	messages, edits int // of Slack
	rate            int // events since the last tick
	ticks           int
	began           time.Time
}

func newBoard(s *screen) *board {
	return &board{screen: s, findings: map[string]schema.Finding{}, began: time.Now()}
}

func (b *board) title(w *demoWorld, c demoCommand) {
	b.screen.status("")
	b.screen.print(fmt.Sprintf("hijackd demo: %d people with %d sessions, three attacks in the next minute (Ctrl-C ends it)\n"+
		"Kafka (in this process) %s · ClickHouse %s · webhook %s · Slack (fake) %s\n\n",
		1+c.Sessions*2/3, c.Sessions, w.broker.address(), w.engine.Version(), w.receiver.url(), w.slack.URL()))
}

// watch shows the news until the demo is over.
func (b *board) watch(ctx context.Context, in <-chan news, forever bool, daemon, producer <-chan error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if forever {
				return nil
			}
			return errors.New("interrupted")
		case err := <-daemon:
			return fmt.Errorf("the daemon ended: %w", err)
		case err := <-producer:
			return fmt.Errorf("the simulated apps ended: %w", err)
		case n := <-in:
			b.take(n)
		case <-tick.C:
			b.tick()
			if age := time.Since(b.began); !forever && (age >= demoLength && b.complete() || age >= demoLength+demoPatience) {
				b.screen.status("")
				return nil
			}
		}
	}
}

// drain takes what the producer had to say until it ended.
func (b *board) drain(in <-chan news, producer <-chan error) error {
	for {
		select {
		case n := <-in:
			b.take(n)
		case err := <-producer:
			for len(in) > 0 {
				b.take(<-in)
			}
			return err
		}
	}
}

// tick shows the rate, and what has waited for its finding for too long.
func (b *board) tick() {
	b.ticks++
	status := fmt.Sprintf("%6.1fs %s events in, %s/s, %s, %s", time.Since(b.screen.began).Seconds(), grouped(b.produced), grouped(b.rate),
		counted(len(b.findings), "finding"), counted(b.delivered, "revocation"))
	b.screen.status(status)
	if !b.screen.terminal && b.ticks%10 == 0 {
		b.screen.line(grey, "traffic", fmt.Sprintf("%s events in, %s/s", grouped(b.produced), grouped(b.rate)))
	}
	b.rate = 0
	for _, n := range b.waiting {
		b.show(n)
	}
	b.waiting = nil
}

func (b *board) take(n news) {
	switch n := n.(type) {
	case arrived:
		b.produced += int(n)
		b.rate += int(n)
	case attackBegan:
		b.attacks = append(b.attacks, &attackRecord{attackBegan: n})
		b.screen.line(yellow, "ATTACK", n.what())
	case found:
		b.find(n.finding)
	case revoked:
		b.delivered++
		if a := b.attack(n.token); a != nil && !a.revoked {
			a.revoked, a.took = true, n.at.Sub(n.completed)
		}
		b.took = append(b.took, n.at.Sub(n.completed))
		b.showOrWait(n)
	case alerted:
		if n.edits == 0 {
			b.messages++
		} else {
			b.edits++
		}
		b.showOrWait(n)
	}
}

func messageOf(m slacktest.Message) alerted {
	n := alerted{finding: m.ID(), reply: m.ThreadTS != "", edits: m.Edits, lines: m.Lines()}
	for _, l := range n.lines {
		if token, ok := strings.CutPrefix(l, "Token: "); ok && !n.reply {
			n.finding, n.token = "", token
		}
	}
	return n
}

func (b *board) find(f schema.Finding) {
	if _, ok := b.findings[f.ID]; ok {
		return // the same finding, better informed
	}
	b.findings[f.ID] = f
	if a := b.attack(f.Token); a != nil && f.Rule == a.kind.Rule() {
		a.found = true
	}
	sure := "suspicion"
	if f.Conclusive {
		sure = "conclusive"
	}
	b.screen.line(red, "FINDING", fmt.Sprintf("%s, %s, %s (%.2f) → %s", f.Rule, f.Severity, sure, f.Confidence, f.Decision),
		wrap(string(schema.CleanText(f.Summary, 400)), margin, screenWidth), wrap(operands(&f), margin, screenWidth))
	b.waiting = slices.DeleteFunc(b.waiting, func(n news) bool {
		ready := b.shown(n)
		if ready {
			b.show(n)
		}
		return ready
	})
}

// shown reports whether a finding of the news is on the screen.
func (b *board) shown(n news) bool {
	ids := []string{}
	switch n := n.(type) {
	case revoked:
		ids = n.findings
	case alerted:
		if n.token != "" {
			return b.knows(n.token)
		}
		ids = []string{n.finding}
	}
	return slices.ContainsFunc(ids, func(id string) bool { return b.findings[id].ID != "" })
}

// knows reports whether a finding about a token is on the screen.
func (b *board) knows(token string) bool {
	for _, f := range b.findings {
		if f.Token == token {
			return true
		}
	}
	return false
}

// showOrWait shows a revocation or message when its finding is on the screen, or at the next tick.
func (b *board) showOrWait(n news) {
	if b.shown(n) {
		b.show(n)
		return
	}
	b.waiting = append(b.waiting, n)
}

func (b *board) show(n news) {
	switch n := n.(type) {
	case revoked:
		b.screen.line(green, "REVOKED", fmt.Sprintf("%s, %d ms after the event that gave it away", n.id, n.at.Sub(n.completed).Milliseconds()),
			margin+fmt.Sprintf("token %s, session %s of %s; signature verified", n.token, n.session, n.user))
	case alerted:
		b.message(n)
	}
}

// message shows a Slack message: the card of each attack whole once it names the rule and says that the session was revoked, of others the headline.
func (b *board) message(n alerted) {
	if len(n.lines) == 0 {
		return
	}
	a := b.attack(n.token)
	if a == nil || a.alerted || !strings.HasPrefix(n.lines[0], "Session revoked") || !strings.Contains(strings.Join(n.lines, " "), a.kind.Rule()) {
		how := "card: "
		switch {
		case n.reply:
			how = "in its thread: "
		case n.edits > 0:
			how = "card updated: "
		}
		b.screen.line(blue, "SLACK", how+string(schema.CleanText(n.lines[0], screenWidth)))
		return
	}
	a.alerted = true
	var lines []string
	for _, l := range n.lines {
		lines = append(lines, wrap(string(schema.CleanText(l, 400)), margin+"│ ", screenWidth))
	}
	b.screen.line(blue, "SLACK", "the card reads", lines...)
}

// attack is the attack on a token.
func (b *board) attack(token string) *attackRecord {
	i := slices.IndexFunc(b.attacks, func(a *attackRecord) bool { return a.token == token })
	if i < 0 {
		return nil
	}
	return b.attacks[i]
}

// complete reports whether every attack was found, revoked and alerted.
func (b *board) complete() bool {
	return len(b.attacks) >= len(demoAttacks()) && !slices.ContainsFunc(b.attacks, func(a *attackRecord) bool { return !a.answered() })
}

func (a *attackRecord) answered() bool { return a.found && a.revoked && a.alerted }

func (a attackBegan) what() string {
	switch a.kind {
	case simulate.StolenCookie:
		return fmt.Sprintf("somebody in %s uses the session cookie of %s", a.city, a.user)
	case simulate.ParallelProxy:
		return fmt.Sprintf("somebody uses the session of %s through a proxy in the same city", a.user)
	case simulate.ReplayEnded:
		return fmt.Sprintf("somebody uses the session of %s, who logged out", a.user)
	}
	return fmt.Sprintf("somebody uses a token of %s that was rotated out", a.user)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

// summary is the end of the demo: an error if an attack went unanswered.
func (b *board) summary(forever bool) error {
	b.screen.status("")
	var t strings.Builder
	fmt.Fprintf(&t, "\n%-16s %-20s %-6s %-8s %-8s %s\n", "attack", "rule", "found", "revoked", "alerted", "event → webhook")
	var missed []string
	for _, a := range b.attacks {
		took := "-"
		if a.revoked {
			took = fmt.Sprintf("%d ms", a.took.Milliseconds())
		}
		fmt.Fprintf(&t, "%-16s %-20s %-6s %-8s %-8s %s\n", a.kind, a.kind.Rule(), yes(a.found), yes(a.revoked), yes(a.alerted), took)
		if !a.answered() {
			missed = append(missed, string(a.kind))
		}
	}
	fmt.Fprintf(&t, "\n%s in, %s stored, %s, %s delivered, %s", counted(b.produced, "event"), counted(b.rows, "row"),
		counted(len(b.findings), "finding"), counted(b.delivered, "revocation"), counted(b.messages, "Slack message")+" and "+counted(b.edits, "update"))
	if len(b.took) > 0 {
		slices.Sort(b.took)
		fmt.Fprintf(&t, "\nmedian event → webhook: %d ms", b.took[len(b.took)/2].Milliseconds())
	}
	b.screen.print(t.String() + "\n")
	switch {
	case forever:
		return nil
	case len(b.attacks) < len(demoAttacks()):
		return fmt.Errorf("only %s of %d attacks took place", counted(len(b.attacks), "attack"), len(demoAttacks()))
	case len(missed) > 0:
		return fmt.Errorf("not found, revoked and alerted: %s", strings.Join(missed, ", "))
	}
	return nil
}
