package actions

import (
	"slices"
	"time"
)

// spending is what one tenant's limits have given away: authorised and not yet delivered, and delivered when; of it what each user's has.
type spending struct {
	window
	users map[string]*window
	ends  []delivery // ascending, to forget by
}

// window is what a sliding limit counts.
type window struct {
	open      int
	delivered []time.Time // ascending
}

type delivery struct {
	at   time.Time
	user string
}

func (f *Fold) tenant(name string) *spending {
	s := f.tenants[name]
	if s == nil {
		s = &spending{users: map[string]*window{}}
		f.tenants[name] = s
	}
	return s
}

// spend counts an entry in (1) or out (−1) as long as it is authorised and not yet delivered.
func (f *Fold) spend(e *entry, n int) {
	if !e.spends() {
		return
	}
	s := f.tenant(e.action.Tenant)
	s.open += n
	if user := e.action.User; user != "" {
		s.user(user).open += n
		s.drop(user)
	}
}

func (s *spending) user(name string) *window {
	w := s.users[name]
	if w == nil {
		w = &window{}
		s.users[name] = w
	}
	return w
}

// drop forgets a user of whom nothing counts.
func (s *spending) drop(name string) {
	if w := s.users[name]; w != nil && w.open == 0 && len(w.delivered) == 0 {
		delete(s.users, name)
	}
}

// over reports whether an action decided at a record time would exceed a limit of its tenant or of its user, if it has one.
func (f *Fold) over(tenant, user string, at time.Time) bool {
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
	if open+s.since(at.Add(-time.Minute)) >= l.RevokesPerMinute || open+s.since(at.Add(-time.Hour)) >= perHour {
		return true
	}
	if user == "" {
		return false
	}
	w := s.users[user]
	if w == nil {
		return l.RevokesPerUserPerHour == 0
	}
	if open = w.open; f.faults.countUserDelivered {
		open = 0
	}
	return open+w.since(at.Add(-time.Hour)) >= l.RevokesPerUserPerHour
}

func (s *spending) deliver(at time.Time, user string) {
	s.window.deliver(at)
	i, _ := slices.BinarySearchFunc(s.ends, at, func(d delivery, at time.Time) int { return d.at.Compare(at) })
	s.ends = slices.Insert(s.ends, i, delivery{at, user})
	if user != "" {
		s.user(user).deliver(at)
	}
}

func (w *window) deliver(at time.Time) {
	i, _ := slices.BinarySearchFunc(w.delivered, at, time.Time.Compare)
	w.delivered = slices.Insert(w.delivered, i, at)
}

// since counts the deliveries at or after t. Those behind the decision's record time count too: a lane that lags decides on old
// records, and its deliveries are new.
func (w *window) since(t time.Time) int {
	i, _ := slices.BinarySearchFunc(w.delivered, t, time.Time.Compare)
	return len(w.delivered) - i
}

func (w *window) forget(before time.Time) {
	i, _ := slices.BinarySearchFunc(w.delivered, before, time.Time.Compare)
	w.delivered = slices.Delete(w.delivered, 0, i)
}

func (s *spending) forget(before time.Time) {
	s.window.forget(before)
	n := 0
	for ; n < len(s.ends) && s.ends[n].at.Before(before); n++ {
		if w := s.users[s.ends[n].user]; w != nil {
			w.forget(before)
			s.drop(s.ends[n].user)
		}
	}
	s.ends = slices.Delete(s.ends, 0, n)
}
