package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

type leakCommand struct {
	configured
	File   string        `arg:"" name:"HAR|-" help:"A HAR file (browsers save them from their network panel), or a list of tokens, one a line; - for standard input."`
	All    bool          `help:"Show also what hijackd has never seen: most cookies are no session tokens."`
	Format string        `enum:"text,jsonl" default:"text" help:"text: a table; jsonl: one token a line."`
	Tenant *string       `placeholder:"TENANT" help:"Look in this tenant alone."`
	Revoke bool          `help:"Revoke the live ones, without a question on a terminal only with --yes."`
	Yes    bool          `help:"With --revoke: don't ask."`
	Why    string        `placeholder:"REASON" help:"With --revoke: why; it is recorded."`
	Wait   time.Duration `default:"10s" placeholder:"TIME" help:"With --revoke: how long to wait for what becomes of the order; 0s: not at all."`
	By     string        `placeholder:"NAME" help:"With --revoke: who orders it; else the user at this host."`
}

// Run says which of the leaked tokens live, and has them revoked after a yes. Raw tokens stay in this process's memory and end there.
func (c leakCommand) Run(ctx context.Context, p *process) error {
	if c.Revoke && !p.person() && (!c.Yes || strings.TrimSpace(c.Why) == "") {
		return usageError{errors.New("nobody can be asked here: --revoke needs --yes and --why")}
	}
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	found, broken, err := c.search(p, cfg)
	if err != nil {
		return err
	}
	rows, err := found.known(ctx, cfg, c.Tenant)
	if err != nil {
		rows, c.All = found.unknown(), true
	}
	if wrote := c.show(p, found, rows); wrote != nil {
		return wrote
	}
	if err != nil {
		return fmt.Errorf("whether they live is looked up in ClickHouse: %w", err)
	}
	return errors.Join(c.revoke(ctx, p, cfg, rows), broken)
}

// search reads the file. broken says that it ends or turns bad somewhere; what stands before that counts.
func (c *leakCommand) search(p *process, cfg *Config) (found *leakFinder, broken, err error) {
	key, err := cfg.Fingerprint.key()
	if err != nil {
		return nil, nil, usageError{err}
	}
	found = newLeakFinder(nil)
	if key == nil {
		p.warn("fingerprint.pepper_file is not set: only tokens that apps report as sha256: or id: can be recognised")
	} else {
		found.hasher = key.Hasher()
	}
	in, err := p.openInput(c.File)
	if err != nil { // what was given as the name may be a token
		return nil, nil, usageError{errors.New("the file can't be opened; a token is read from standard input: hijackd leak -c FILE -")}
	}
	defer func() { _ = in.Close() }()
	head := bufio.NewReaderSize(in, 64<<10)
	if isHAR(head) {
		broken = readHAR(head, found)
	} else {
		broken = found.lines(head)
	}
	if len(found.found) == 0 {
		return nil, nil, usageError{cmp.Or(broken, errNothingLeaked)}
	}
	if broken != nil {
		p.warn("what follows was found before the file turned out to be broken: %v", broken)
	}
	if found.cut > 0 {
		p.warn("of %s only the first %d MiB were searched", counted(found.cut, "text"), maxHARText>>20)
	}
	if found.dropped > 0 {
		p.warn("%s beyond the first %s were left out", counted(found.dropped, "candidate"), grouped(maxLeaked))
	}
	return found, broken, nil
}

// isHAR tells JSON from a list by its first byte.
func isHAR(r *bufio.Reader) bool {
	for n := 1; n <= 1024; n++ {
		head, err := r.Peek(n)
		if err != nil {
			return false
		}
		if c := head[n-1]; c > ' ' && !bytes.HasPrefix([]byte("\xef\xbb\xbf"), head) {
			if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) { // a byte order mark
				_, _ = r.Discard(3) // it was peeked at
			}
			return c == '{'
		}
	}
	return false
}

// lines takes a list of tokens.
func (f *leakFinder) lines(r io.Reader) error {
	err := eachLine(r, func(number int, line []byte) error {
		if l := f.candidate(bytes.TrimSpace(line)); l != nil {
			l.at(fmt.Sprintf("line %d", number))
		}
		clear(line)
		return nil
	})
	if err != nil {
		return errors.New("the list can't be read to its end")
	}
	return nil
}

// leakRow is a candidate, and what is known of it in one tenant.
type leakRow struct {
	*leaked
	form  string
	facts *tokenFacts // nil: never seen
}

func (r *leakRow) live(now time.Time) bool { return r.facts != nil && r.facts.Live(now) }

func (r *leakRow) state(now time.Time) string {
	switch {
	case r.facts == nil:
		return "unknown"
	case r.facts.State == "active" && !r.live(now):
		return "expired"
	case r.facts.State == "active":
		return "live"
	}
	return r.facts.State
}

// unknown lists the candidates as they are.
func (f *leakFinder) unknown() []leakRow {
	rows := make([]leakRow, len(f.found))
	for i, l := range f.found {
		rows[i] = leakRow{l, l.forms[0], nil}
	}
	return rows
}

// known looks all candidates up, in all their forms: the live ones come first, the last used before the others.
func (f *leakFinder) known(ctx context.Context, cfg *Config, tenant *string) ([]leakRow, error) {
	var forms []string
	for _, l := range f.found {
		forms = append(forms, l.forms...)
	}
	facts, err := lookUp(ctx, cfg, forms, tenant)
	if err != nil {
		return nil, err
	}
	var rows []leakRow
	for _, l := range f.found {
		row := leakRow{l, l.forms[0], nil}
		for _, form := range l.forms {
			for _, t := range facts[form] {
				row = leakRow{l, form, t}
				rows = append(rows, row)
			}
		}
		if row.facts == nil {
			rows = append(rows, row)
		}
	}
	now := time.Now()
	slices.SortStableFunc(rows, func(a, b leakRow) int {
		return cmp.Or(cmp.Compare(leakRank(&a, now), leakRank(&b, now)), b.lastUse().Compare(a.lastUse()))
	})
	return rows, nil
}

func leakRank(r *leakRow, now time.Time) int {
	switch {
	case r.live(now):
		return 0
	case r.facts != nil:
		return 1
	}
	return 2
}

func (r *leakRow) lastUse() time.Time {
	if r.facts == nil {
		return time.Time{}
	}
	return r.facts.LastUse
}

func (c *leakCommand) show(p *process, found *leakFinder, rows []leakRow) error {
	now := time.Now()
	shown := slices.Clone(rows)
	if !c.All {
		shown = slices.DeleteFunc(shown, func(r leakRow) bool { return r.facts == nil })
	}
	if c.Format == "jsonl" {
		out := json.NewEncoder(p.stdout)
		for _, r := range shown {
			if err := out.Encode(r.line(now)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(shown) > 0 {
		table := [][]string{{"FINGERPRINT", "STATE", "TENANT", "USER", "LAST USE (UTC)", "FOUND"}}
		for _, r := range shown {
			l := r.line(now)
			last := ""
			if r.facts != nil {
				last = when(r.facts.LastUse)
			}
			table = append(table, []string{l.Fingerprint, l.State, l.Tenant, l.User, last, r.where()})
		}
		if err := p.table(table); err != nil {
			return err
		}
	}
	live, seen := 0, 0
	for _, r := range rows {
		if r.live(now) {
			live++
		}
		if r.facts != nil {
			seen++
		}
	}
	_, err := fmt.Fprintf(p.stdout, "%s, %d of them known to hijackd, %d live", counted(len(found.found), "candidate"), seen, live)
	if err == nil && seen < len(rows) && !c.All {
		_, err = fmt.Fprint(p.stdout, " (--all shows the others)")
	}
	if err == nil {
		_, err = fmt.Fprintln(p.stdout)
	}
	return err
}

// where is the first place of a candidate and how many more there are.
func (l *leaked) where() string {
	if len(l.places) == 0 {
		return ""
	}
	if more := len(l.places) - 1 + l.more; more > 0 {
		return fmt.Sprintf("%s (and %d more)", l.places[0], more)
	}
	return l.places[0]
}

// leakLine is a row as JSON.
type leakLine struct {
	Fingerprint string    `json:"fingerprint"`
	State       string    `json:"state"` // live, expired, ended, revoked, rotated or unknown
	Tenant      string    `json:"tenant"`
	User        string    `json:"user,omitempty"`
	Session     string    `json:"session,omitempty"`
	Apps        []string  `json:"apps,omitempty"`
	LastUse     time.Time `json:"last_use,omitzero"`
	Found       []string  `json:"found"`
}

func (r *leakRow) line(now time.Time) leakLine {
	l := leakLine{Fingerprint: r.form, State: r.state(now), Found: r.places}
	if t := r.facts; t != nil {
		l.Tenant, l.User, l.Session, l.Apps, l.LastUse = t.Tenant, t.User, t.Session, t.Apps, t.LastUse
	}
	return l
}

// revoke offers to revoke what lives.
func (c *leakCommand) revoke(ctx context.Context, p *process, cfg *Config, rows []leakRow) error {
	var targets []tenantTarget
	for _, r := range rows {
		if r.live(time.Now()) {
			targets = append(targets, targetOf(r.facts))
		}
	}
	switch {
	case len(targets) == 0, !c.Revoke && !p.person():
		return nil
	case !c.Yes || !c.Revoke:
		if err := p.agree(false, fmt.Sprintf("Revoke %s?", counted(len(targets), "live token"))); err != nil {
			if errors.Is(err, errNotAgreed) && !c.Revoke {
				return nil // nobody asked for it
			}
			return err
		}
	}
	why := c.Why
	if strings.TrimSpace(why) == "" {
		why = p.ask("Why? It is recorded:")
	}
	o := order{configured: c.configured, Why: why, By: c.By, Wait: c.Wait}
	if _, err := o.command(p, schema.Revoke, ""); err != nil {
		return err
	}
	return o.orderTargets(ctx, p, cfg, schema.Revoke, targets)
}
