package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/detect/simulate"
)

// table writes a Markdown table.
func table(b *strings.Builder, head string, rows [][]string) {
	fmt.Fprintf(b, "| %s |\n|%s\n", head, strings.Repeat("---|", 1+strings.Count(head, "|")))
	for _, r := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(r, " | "))
	}
	b.WriteString("\n")
}

// made lists the attacks that were made, in the order of the simulator's documentation: those of one kind of attackers.
func (s *score) made(alike bool) (all []variant) {
	for _, k := range simulate.AllAttacks() {
		v := variant{k, alike}
		if r := s.kinds[v]; r != nil && r.incidents > 0 && !isApart(k) {
			all = append(all, v)
		}
	}
	return all
}

// goal is the recall that every kind is to reach whose attackers show anything of their own.
const goal = 0.99

// apart are the kinds of attack that no recall is asked of, by the reason why.
var apart = []struct {
	why   string
	kinds []simulate.Attack
}{
	{"Nothing tells these from their victims. The thief sits behind the victim's own address, or at another one of the victim's provider in the " +
		"same city, which is what any household's or carrier's address change looks like, and the device shows nothing of its own:",
		[]simulate.Attack{simulate.StolenSameNAT, simulate.StolenSameDevice}},
	{"Rejected, and harmless as long as they are few: `guessing` begins at 50 unknown tokens in ten minutes:", []simulate.Attack{simulate.Forged}},
}

// isApart reports whether no recall is asked of a kind.
func isApart(kind simulate.Attack) bool {
	for _, group := range apart {
		if slices.Contains(group.kinds, kind) {
			return true
		}
	}
	return false
}

// attacks is recall by kind: of attackers who show something of their own, of those who don't, and what is apart.
func (s *score) attacks(b *strings.Builder) {
	s.attackTable(b, s.made(false))
	if alike := s.made(true); alike != nil {
		b.WriteString("The same by attackers who show exactly the victim's browser and system, to apps that report neither a device id nor `ja4` nor `cnf`. Place, time and " +
			"what is done are left; behind a relay or a company's gateway, or in the victim's own country while they sleep, nothing is:\n\n")
		s.attackTable(b, alike)
	}
	for _, group := range apart {
		fmt.Fprintf(b, "%s\n\n", group.why)
		var all []variant
		for _, k := range group.kinds {
			for _, alike := range []bool{false, true} {
				if s.kinds[variant{k, alike}] != nil {
					all = append(all, variant{k, alike})
				}
			}
		}
		s.attackTable(b, all)
	}
}

func (s *score) attackTable(b *strings.Builder, variants []variant) {
	var rows [][]string
	for _, v := range variants {
		r := at(s.kinds, v)
		rows = append(rows, []string{
			"`" + string(v.kind) + "`", number(r.incidents), number(r.found), share(r.found, r.incidents), share(r.revoked, r.incidents), share(r.would, r.incidents),
			spread(r.seconds, duration), spread(r.requests, func(x float64) string { return fmt.Sprintf("%.0f", x) }),
		})
	}
	table(b, "attack | made | found | recall | revoked | would be revoked | until found: median, p95 | the attacker's requests by then: median, p95", rows)
}

// share is k of n with its 95 % confidence interval.
func share(k, n int) string {
	if n == 0 {
		return "–"
	}
	low, high := wilson(k, n)
	return fmt.Sprintf("%.3f (%.3f–%.3f)", float64(k)/float64(n), low, high)
}

// spread is the median and the 95th percentile.
func spread(values []float64, text func(float64) string) string {
	if len(values) == 0 {
		return "–"
	}
	sorted := slices.Sorted(slices.Values(values))
	return text(quantile(sorted, 0.5)) + ", " + text(quantile(sorted, 0.95))
}

// duration is a number of seconds for people.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", seconds)
	case d < 3*time.Minute:
		return fmt.Sprintf("%.0f s", seconds)
	case d < 3*time.Hour:
		return fmt.Sprintf("%.0f min", seconds/60)
	}
	return fmt.Sprintf("%.1f h", seconds/3600)
}

// number groups the digits of a count by spaces.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// per is k in n sessions as a rate per 10 000, with the upper end of its 95 % confidence interval.
func per(k, n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f (≤ %.3f)", float64(k)/float64(n)*1e4, atMost(k, n, 1e4))
}

func (s *score) harmTable(b *strings.Builder) {
	rows := [][]string{{"all benign sessions", number(s.benign), number(s.alerts), per(s.alerts, s.benign), number(s.revocations), per(s.revocations, s.benign)}}
	for _, n := range simulate.AllNuisances() {
		if h := s.nuisances[n]; h != nil && h.sessions+h.alerts+h.revocations > 0 {
			rows = append(rows, []string{"`" + n.String() + "`", number(h.sessions), number(h.alerts), per(h.alerts, h.sessions), number(h.revocations), per(h.revocations, h.sessions)})
		}
	}
	table(b, "benign sessions with | sessions | false alerts | per 10 000 | false revocations | per 10 000", rows)
}

func (s *score) ruleTable(b *strings.Builder) {
	var rows [][]string
	for _, r := range rules.All {
		c := at(s.rules, r.Name)
		rows = append(rows, []string{fmt.Sprintf("[%s](rules.md#%s)", r.Name, r.Name), string(r.Severity), r.DefaultMode, number(c.findings), number(c.incidents),
			number(c.alone), number(c.alerts), number(c.low)})
	}
	table(b, "rule | severity | mode | findings | attacks found | by it alone | false alerts | low findings about nobody attacked", rows)
}

// leftOut lists what is lost without each rule.
func (s *score) leftOut(b *strings.Builder) {
	var rows [][]string
	for _, r := range rules.All {
		without := s.without[r.Name]
		var found, revoked []string
		for _, v := range append(s.made(false), s.made(true)...) {
			all, less := s.kinds[v], at(without, v)
			found = append(found, fall(v, all.found, less.found, all.incidents)...)
			revoked = append(revoked, fall(v, all.would, less.would, all.incidents)...)
		}
		rows = append(rows, []string{"`" + r.Name + "`", cmp.Or(strings.Join(found, ", "), "–"), cmp.Or(strings.Join(revoked, ", "), "–")})
	}
	table(b, "without | recall falls | sessions that would be revoked fall", rows)
}

func fall(v variant, from, to, of int) []string {
	if to >= from {
		return nil
	}
	name := "`" + string(v.kind) + "`"
	if v.alike {
		name += " (alike)"
	}
	return []string{fmt.Sprintf("%s %.3f → %.3f", name, float64(from)/float64(of), float64(to)/float64(of))}
}

// shortcomings says where a figure misses its goal.
func (s *score) shortcomings(b *strings.Builder) {
	short := false
	say := func(format string, args ...any) {
		short = true
		fmt.Fprintf(b, "- "+format+"\n", args...)
	}
	for _, v := range s.made(false) {
		if r := s.kinds[v]; float64(r.found) < goal*float64(r.incidents) {
			say("`%s`: recall %s, the goal is %.2f.", v.kind, share(r.found, r.incidents), goal)
		}
	}
	if s.revocations > 0 {
		say("%s false revocations in %s benign sessions; the goal is none in a million.", number(s.revocations), number(s.benign))
	}
	if float64(s.alerts) > float64(s.benign)/1e4 {
		say("%s false alerts per 10 000 benign sessions; the goal is at most 1.", per(s.alerts, s.benign))
	}
	if !short {
		b.WriteString("Every figure reaches its goal.\n")
	}
	b.WriteString("\n")
}

// totals is a line of what was judged.
func (s *score) totals() string {
	return fmt.Sprintf("%d seeds, %s sessions, %s of them benign, %s events.", s.seeds, number(s.sessions), number(s.benign), number(s.events))
}

// worst lists mistakes by what they are and the rule, for the log.
func (s *score) worst() string {
	counts := map[string]int{}
	for _, l := range s.lost {
		name := l.What + " " + string(l.Kind)
		if l.Finding != nil {
			name += " " + l.Finding.Rule + " " + strings.Join(l.Labels, ",")
		}
		counts[name]++
	}
	var b strings.Builder
	for _, name := range slices.SortedFunc(maps.Keys(counts), func(x, y string) int { return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y)) }) {
		fmt.Fprintf(&b, "%6d %s\n", counts[name], name)
	}
	return b.String()
}
