package detect

import (
	"strings"
	"time"
)

// AppNeeds are what lanes look for on behalf of judges of apps.
type AppNeeds struct {
	// Idle, Overage and Renewal are an app's limits to how long a token may be unused, how long after its session's start and how long
	// after it was issued it may be accepted; 0 or nil for none.
	Idle, Overage, Renewal func(app string) time.Duration
	// MinBits: a token with less random bits is weak.
	MinBits int
	// Skew is how far event times may be off Kafka's; 0 for any.
	Skew time.Duration
	// Hosts and Apps are where the tokens of an app may be used: host names, or *.domain for all below one, and apps; nil for anywhere.
	Hosts, Apps func(app string) []string
	// Facts are what the judge looks at, which then isn't asked about counts in which none of them changed; nil for all.
	Facts []Fact
}

func (n *AppNeeds) merge(o AppNeeds) {
	for _, p := range []struct{ to, from *func(string) time.Duration }{{&n.Idle, &o.Idle}, {&n.Overage, &o.Overage}, {&n.Renewal, &o.Renewal}} {
		if *p.from != nil {
			*p.to = *p.from
		}
	}
	if o.Hosts != nil {
		n.Hosts = o.Hosts
	}
	if o.Apps != nil {
		n.Apps = o.Apps
	}
	n.MinBits, n.Skew = max(n.MinBits, o.MinBits), max(n.Skew, o.Skew)
}

func (n *AppNeeds) watch(k appKey) *watch {
	w := &watch{appKey: k}
	name := k.app
	if name == NoApp {
		name = ""
	}
	limit := func(f func(string) time.Duration) int64 {
		if f == nil {
			return 0
		}
		return int64(f(name))
	}
	names := func(f func(string) []string) (list []string) {
		if f == nil {
			return nil
		}
		for _, s := range f(name) {
			list = append(list, strings.ToLower(s))
		}
		return list
	}
	w.idle, w.overage, w.renewal, w.hosts = limit(n.Idle), limit(n.Overage), limit(n.Renewal), names(n.Hosts)
	if n.Apps != nil {
		w.apps = n.Apps(name)
	}
	return w
}
