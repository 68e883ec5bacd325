package actions

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	// digestLate is how long after its time a digest is still sent.
	digestLate = 12 * time.Hour
	// digestsMost bounds the tenants of a lane that get one.
	digestsMost    = 100
	digestExamples = 5
	// Tallies are saved so often, in record time and in signals: an owner counts again what came since, from before its commit.
	tallyEvery   = time.Hour
	tallySignals = lookBack / 4
	// tallyLives bounds the sessions that are told apart, and tallyTenants the tenants counted for.
	tallyLives   = 10_000
	tallyTenants = 1000
)

// digests count what the next digest of each tenant tells.
type digests struct {
	at      time.Duration // time of day at which they are due; negative: never
	tallies map[tallyKey]*tally
}

type tallyKey struct {
	tenant string
	due    int64 // Unix seconds
}

// tally is what the digest of a tenant that is due at a time will tell, as counted so far. Its record is repeated as it grows; the highest
// version counts.
type tally struct {
	Tenant  string    `json:"tenant"`
	Due     time.Time `json:"due"`
	To      int64     `json:"to"` // signals before this offset are counted
	Version int       `json:"version"`
	Digest  Digest    `json:"digest"`
	Saved   time.Time `json:"saved"` // record time

	lives map[subject]bool // that enforcing would have revoked
	dirty bool
	from  int64 // To, when last saved
}

func newDigests() digests { return digests{at: -1, tallies: map[tallyKey]*tally{}} }

// due is the first time after another at which digests are due.
func (d *digests) due(after time.Time) time.Time {
	at := after.UTC().Truncate(24 * time.Hour).Add(d.at)
	if !at.After(after) {
		at = at.Add(24 * time.Hour)
	}
	return at
}

// tally returns the one that counts what happens at a record time, or nil.
func (d *digests) tally(tenant string, at time.Time) *tally {
	if d.at < 0 {
		return nil
	}
	due := d.due(at)
	k := tallyKey{tenant, due.Unix()}
	t := d.tallies[k]
	if t == nil {
		for old := range d.tallies {
			if old.due < due.Add(-48*time.Hour).Unix() {
				delete(d.tallies, old)
			}
		}
		if len(d.tallies) >= tallyTenants {
			return nil
		}
		t = &tally{Tenant: tenant, Due: due, Saved: at, lives: map[subject]bool{}}
		t.Digest = Digest{From: due.Add(-24 * time.Hour), Until: due}
		d.tallies[k] = t
	}
	return t
}

// count counts a decision on a finding.
func (d *digests) count(at time.Time, offset int64, h *held) {
	x := h.finding
	would := severer(h.told.would) == 2 && severer(h.told.decision) < 2
	if h.was != "" && !would {
		return
	}
	t := d.tally(x.Tenant, at)
	if t == nil {
		return
	}
	known := offset < t.To
	if h.was == "" && !known && x.Confidence > 0 {
		t.Digest.Findings++
		rules := maps.Clone(t.Digest.Rules)
		if rules == nil {
			rules = map[string]int{}
		}
		rules[x.Rule]++
		t.Digest.Rules, t.dirty = rules, true
	}
	if !would {
		return
	}
	for _, o := range targets(x) {
		life := subject{tenant: x.Tenant, token: o.Token, epoch: o.Epoch}
		if o.Token == "" || t.lives[life] {
			continue
		}
		if len(t.lives) < tallyLives {
			t.lives[life] = true
		}
		if known {
			continue
		}
		t.Digest.Would++
		t.dirty = true
		t.example(h)
	}
}

func (t *tally) example(h *held) {
	es := t.Digest.Examples
	if slices.ContainsFunc(es, func(o schema.Finding) bool { return o.ID == h.id }) {
		return
	}
	c := h.told.on(h.finding)
	es = append(slices.Clone(es), onCard(&c))
	slices.SortStableFunc(es, worseFirst)
	t.Digest.Examples = es[:min(len(es), digestExamples)]
}

// acted counts what the log says of an action at its primary destination.
func (d *digests) acted(at time.Time, a *schema.Action) {
	if a.To != "" || a.Subject == "" || a.Action == schema.NotifyUser {
		return // one without a subject is the rest of an end that was counted
	}
	t := d.tally(a.Tenant, at)
	if t == nil {
		return
	}
	switch a.State {
	case schema.ActionDelivered:
		if publishes(a.Action) {
			t.Digest.Revoked++
		}
	case schema.ActionFailed:
		t.Digest.Failed++
	case schema.ActionHeld:
		t.Digest.Held++
	default:
		return
	}
	t.dirty = true
}

// said folds a record of a tally.
func (d *digests) said(r *tally) {
	t := d.tally(r.Tenant, r.Due.Add(-1))
	if t == nil || !t.Due.Equal(r.Due) || r.Version <= t.Version {
		return
	}
	t.To, t.Version, t.Digest, t.Saved, t.dirty, t.from = r.To, r.Version, r.Digest, r.Saved, false, r.To
}

// unsaved lists the records of the tallies that were last saved long ago, in a fixed order. All signals before an offset are counted.
func (d *digests) unsaved(at time.Time, to int64) (rs []*record) {
	for _, t := range d.tallies {
		if !t.dirty || at.Sub(t.Saved) < tallyEvery && to-t.from < tallySignals {
			continue
		}
		t.To, t.from, t.Saved, t.dirty = to, to, at, false
		t.Version++
		c := *t
		rs = append(rs, &record{Tally: &c})
	}
	slices.SortFunc(rs, func(a, b *record) int {
		return cmp.Or(cmp.Compare(a.Tally.Tenant, b.Tally.Tenant), a.Tally.Due.Compare(b.Tally.Due))
	})
	return rs
}

// digest makes the digests that are due, once all that was committed has been folded.
func (r *Response) digest(now time.Time) (rs []*record) {
	d := &r.fold.digests
	if d.at < 0 || r.read < r.committed {
		return nil
	}
	due := d.due(now).Add(-24 * time.Hour)
	if !due.After(r.digested) {
		return nil
	}
	r.digested = due
	if now.Sub(due) > digestLate {
		return nil
	}
	tenants := map[string]bool{}
	for k := range d.tallies {
		tenants[k.tenant] = true
	}
	for tenant := range r.fold.censuses {
		tenants[tenant] = true
	}
	for _, tenant := range slices.Sorted(maps.Keys(tenants))[:min(len(tenants), digestsMost)] {
		g := Digest{From: due.Add(-24 * time.Hour), Until: due}
		if t := d.tallies[tallyKey{tenant, due.Unix()}]; t != nil {
			g = t.Digest
		}
		g.Allows = r.fold.allowsOf(tenant, now)
		if r.fold.policy.cfg.Mode == Enforce && g.Findings+g.Revoked+g.Held+g.Failed == 0 {
			continue
		}
		if a := r.fold.alert(&Alert{ID: "digest_" + tenant + "_" + due.Format(time.DateOnly), Digest: &g}); a != nil {
			rs = append(rs, r.message(a, now)...)
		}
	}
	return rs
}

// allowsOf counts the allow entries of a tenant that are in force.
func (f *Fold) allowsOf(tenant string, at time.Time) (n int) {
	for k, as := range f.allows.force {
		for _, a := range as {
			if k[0] == tenant && at.Before(a.Expires) {
				n++
			}
		}
	}
	return n
}

// digestDue is when the next digests are due, or zero.
func (r *Response) digestDue(now time.Time) time.Time {
	if r.fold.digests.at < 0 {
		return time.Time{}
	}
	return r.fold.digests.due(now)
}
