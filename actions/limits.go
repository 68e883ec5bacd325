package actions

import (
	"slices"
	"time"
)

// spending is what one tenant's limits have given away: authorised and not yet delivered, and delivered when.
type spending struct {
	open      int
	delivered []time.Time // ascending
}

func (f *Fold) spending(e *entry) *spending { return f.tenant(e.action.Tenant) }

func (f *Fold) tenant(name string) *spending {
	s := f.tenants[name]
	if s == nil {
		s = &spending{}
		f.tenants[name] = s
	}
	return s
}

// over reports whether a revocation decided at a record time would exceed a limit of its tenant.
func (f *Fold) over(tenant string, at time.Time) bool {
	s, l := f.tenant(tenant), f.policy.cfg.Limits
	perHour := l.RevokesPerHour
	if active, known := f.active(tenant, at); known {
		perHour = min(perHour, max(neverBelow, int(float64(active)*l.PercentOfActive/100)))
	}
	s.forget(at.Add(-2 * time.Hour)) // record times run back a little where producers' clocks differ
	open := s.open
	if f.faults.countDelivered {
		open = 0
	}
	return open+s.since(at.Add(-time.Minute)) >= l.RevokesPerMinute || open+s.since(at.Add(-time.Hour)) >= perHour
}

func (s *spending) deliver(at time.Time) {
	i, _ := slices.BinarySearchFunc(s.delivered, at, time.Time.Compare)
	s.delivered = slices.Insert(s.delivered, i, at)
}

// since counts the deliveries at or after t. Those behind the decision's record time count too: a lane that lags decides on old
// records, and its deliveries are new.
func (s *spending) since(t time.Time) int {
	i, _ := slices.BinarySearchFunc(s.delivered, t, time.Time.Compare)
	return len(s.delivered) - i
}

func (s *spending) forget(before time.Time) {
	i, _ := slices.BinarySearchFunc(s.delivered, before, time.Time.Compare)
	s.delivered = slices.Delete(s.delivered, 0, i)
}
