package detect

import (
	"math"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/hijackd/hijackd/schema"
)

const (
	// MaxFindings is the most findings per rule, token and epoch (contract section 3). The last one stands for all that is beyond.
	MaxFindings = 32
	aboutBeyond = "beyond"
)

// news reports whether a version of a finding is new or stronger than what went out, and remembers it. beyond is, for a finding
// past MaxFindings − 1, the count of such findings so far. What is withdrawn is only news where it went out.
func (t *Tokens) news(s *session, rule uint8, f *schema.Finding, about string, withdraw bool) (news bool, beyond int) {
	id := xxhash.Sum64String(about)
	now := found{
		id: id, time: f.Time.UnixNano(), first: f.FirstSeen.UnixNano(), event: xxhash.Sum64String(f.EventID),
		confidence: float32(f.Confidence), epoch: uint16(min(f.Epoch, math.MaxUint16)), rule: rule, informed: uint8(min(f.Informed, math.MaxUint8)), // #nosec G115 -- clamped
	}
	for _, e := range f.Events {
		now.events = now.events*31 + xxhash.Sum64String(e)
	}
	if f.Conclusive {
		now.flags |= foundConclusive
	}
	if f.WithoutHistory {
		now.flags |= foundPartial
	}
	same, past, all := 0, 0, 0
	for r := s.found; r != 0; r = t.found.at(r).next {
		p := t.found.at(r)
		all++
		if p.rule != rule || p.epoch != now.epoch {
			continue
		}
		if p.id == id {
			if !now.stronger(p) {
				return false, 0
			}
			if p.flags&foundBeyond != 0 {
				return false, 0 // counted already
			}
			now.next = p.next
			*p = now
			return true, 0
		}
		same++
		if p.flags&foundBeyond != 0 {
			past++
		}
	}
	if all >= maxFound || withdraw {
		return false, 0
	}
	if same >= MaxFindings-1 {
		now.flags |= foundBeyond
		beyond = past + 1
	}
	r := t.found.get()
	now.next = s.found
	*t.found.at(r) = now
	s.found = r
	return true, beyond
}

// stronger reports whether a may be stronger than b by schema.Finding.Compare; of two that differ only in ids it says yes.
func (a *found) stronger(b *found) bool {
	flag := func(f, bit uint8) int { return int(f & bit) }
	switch {
	case flag(a.flags, foundPartial) != flag(b.flags, foundPartial):
		return flag(a.flags, foundPartial) == 0
	case a.informed != b.informed:
		return a.informed > b.informed
	case flag(a.flags, foundConclusive) != flag(b.flags, foundConclusive):
		return flag(a.flags, foundConclusive) != 0
	case a.confidence != b.confidence:
		return a.confidence > b.confidence
	case a.time != b.time:
		return a.time < b.time
	case a.event != b.event:
		return true
	case a.first != b.first:
		return a.first > b.first
	}
	return a.events != b.events
}

func instant(ns int64) time.Time { return time.Unix(0, ns).UTC() }
