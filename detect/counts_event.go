package detect

import (
	"strconv"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// use counts what an event shows by itself.
func (c *counts) use(e *schema.Event, at *cached) {
	k := at.counter
	n := int64(max(1, e.Repeat))
	c.touch(k)
	if e.Outcome != schema.OutcomeRejected {
		k.n[Accepted] += n
	} else {
		k.n[Rejected] += n
	}
	bits := int64(e.TokenBits)
	if e.RawToken || e.Scheme == schema.SchemeHTTP || e.TokenIn == schema.TokenInQuery || e.Type == schema.SessionStarted || at.watch.hosts != nil ||
		bits != 0 && (bits < int64(c.needs.MinBits) || bits < k.MinBits || k.MinBits == 0) {
		c.unusual(e, at)
	}
	if off := e.Time - e.RecordTime; uint64(off+int64(c.needs.Skew)) > c.span && e.RecordTime != 0 { // #nosec G115 -- a range check
		c.skewed(e)
	}
}

func slotIn(at int64) Fact { return Fact(floorDiv(at, slot) - floorDiv(at, hour)*slotsPerHour) } // #nosec G115 -- below 6

// unusual counts the facts that few events show.
func (c *counts) unusual(e *schema.Event, at *cached) {
	k := at.counter
	if e.Type == schema.SessionStarted {
		k.n[Logins+slotIn(e.Time)]++
		k.attempts++
	}
	if e.RawToken {
		k.point(RawTokens, e)
	}
	if e.Scheme == schema.SchemeHTTP {
		k.point(Cleartext, e)
	}
	if e.TokenIn == schema.TokenInQuery {
		k.point(Query, e)
	}
	if bits := int64(e.TokenBits); bits != 0 {
		k.bits(bits)
		if bits < int64(c.needs.MinBits) {
			k.point(Weak, e)
		}
	}
	if at.watch.hosts != nil && e.Host != "" && !at.watch.owns(e.Host) {
		k.point(OutOfHosts, e)
	}
}

// point counts an event that shows a fact.
func (k *counter) point(f Fact, e *schema.Event) {
	k.urgent = k.urgent || k.n[f] == 0
	k.n[f] += int64(max(1, e.Repeat))
	if k.shows(f, e) {
		k.show(f, exampleOf(e))
	}
}

// skewed counts an event whose time is off its record's, in the hour of the record: its own may be years away.
func (c *counts) skewed(e *schema.Event) {
	k := c.counter(c.stretch(e), c.watched(e.Tenant, e.App).appKey, floorDiv(e.RecordTime, hour))
	c.touch(k)
	off := e.Time - e.RecordTime
	if off > 0 {
		k.MaxLead = max(k.MaxLead, off)
		k.point(Lead, e)
	} else {
		k.MaxLag = max(k.MaxLag, -off)
		k.point(Lag, e)
	}
}

// countApart counts an event that no token's record is kept of: a failed login, or one whose time is ahead of Kafka's.
func (t *Tokens) countApart(e *schema.Event, out *Output) {
	c := &t.counts
	if t.loading {
		return
	}
	if e.Ahead {
		c.turn(e, out)
		if c.needs.Skew > 0 && e.RecordTime != 0 && e.Time-e.RecordTime > int64(c.needs.Skew) && c.recent.fresh(e, c.clock) {
			c.skewed(e)
		}
		return
	}
	c.turn(e, out)
	if !c.recent.fresh(e, c.clock) {
		return
	}
	at := c.at(e)
	k := at.counter
	c.touch(k)
	k.attempts++
	k.n[Failures+slotIn(e.Time)] += int64(max(1, e.Repeat))
	if e.Scheme == schema.SchemeHTTP {
		k.point(Cleartext, e)
	}
}

// owns reports whether a host is one of the app's.
func (w *watch) owns(host string) bool {
	if host == w.host {
		return true
	}
	if !matchesHost(w.hosts, host) {
		return false
	}
	w.host = strings.Clone(host)
	return true
}

// matchesHost reports whether a host, its port left out, is one of those named: by its name, or by *.domain for all below a domain.
func matchesHost(names []string, host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		host = strings.TrimSuffix(host[:i], ".")
	}
	for _, name := range names {
		if domain, below := strings.CutPrefix(name, "*."); host == name || below && strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

func versionName(lane int32, k *counter) string {
	return strings.Join([]string{
		strconv.Itoa(int(lane)), strconv.FormatInt(k.key.stretch, 10), strconv.FormatInt(k.key.hour, 10), strconv.FormatInt(k.seq, 10),
	}, "/")
}
