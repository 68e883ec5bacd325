package detecttest_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/schema"
)

func under(session string, e *schema.Event) *schema.Event {
	e.Session = session
	return e
}

func elevated(e *schema.Event) *schema.Event {
	e.Type = schema.SessionElevated
	return e
}

func reauthenticated(e *schema.Event) *schema.Event {
	e.Type = schema.SessionReauthenticated
	return e
}

func nowhere(e *schema.Event) *schema.Event {
	e.IP, e.Geo = netip.Addr{}, schema.Geo{}
	return e
}

// row is so many uses at each of the places, in turn.
func row(token string, n int, every time.Duration, places ...int) (events []*schema.Event) {
	for i := range n * len(places) {
		after := time.Duration(1+i/len(places))*every + time.Duration(i%len(places))*time.Second
		events = append(events, at(fmt.Sprintf("r%02d", i), token, after, places[i%len(places)]))
	}
	return events
}

// Stories in which once not the same was found in every order. The events of a part come in any order, unless they are
// many; parts come one after the other.
var judged = map[string][][]*schema.Event{
	"a session is named at the instant at which something is found of its user": {{
		by("u-2", at("e1", "t1", 0, 1)), by("u-2", at("e2", "t2", 0, 1)), at("e4", "t2", 0, 0), at("e6", "t1", 0, 2), under("s-1", at("e7", "t1", 0, 0)),
	}},
	"two pairs of uses completed at one instant, of which one is inherited, and something late long after": {
		{at("e0", "t1", 0, 0), replaces("t1", at("e1", "t2", time.Second, 2)), at("e2", "t2", time.Second, 0)},
		row("t2", 9, 10*time.Minute, 8, 0),
		{at("e3", "t2", 101*time.Minute, 8), at("e4", "t2", 102*time.Minute, 0)},
	},
	"a token that was replaced is elevated, and its user logs in on it much later": {
		{replaces("t1", at("e1", "t2", 0, 0))},
		{elevated(at("e2", "t1", time.Minute, 0)), at("e3", "t1", 11*time.Minute, 0)},
		{rejected(started(at("e4", "t1", 140*time.Minute, 0))), at("e5", "t1", 144*time.Minute, 0)},
	},
	"an authentication without an address is the first that comes of a token": {
		{at("e2", "t1", 0, 0), at("e3", "t1", 0, 1), at("e4", "t1", 0, 0), nowhere(reauthenticated(at("e5", "t1", time.Second, 0)))},
		{at("e6", "t1", 40*time.Second, 1)},
	},
	"the user logs in where a script was at work, and its last use comes late": {
		{started(use("e1", "t1", 0, 5, 2))},
		row("t1", 6, 29*time.Minute, 4),
		{
			at("s0", "t1", 7*29*time.Minute, 4), started(at("s1", "t1", 7*29*time.Minute+30*time.Second, 4)), at("s2", "t1", 7*29*time.Minute+time.Minute, 0),
			at("s3", "t1", 7*29*time.Minute+61*time.Second, 0), at("s4", "t1", 7*29*time.Minute+62*time.Second, 0),
		},
	},
}

func TestStoriesAreJudgedTheSame(t *testing.T) {
	for name, parts := range judged {
		want := text(t, detecttest.Found(running, slices.Concat(parts...)))
		if want == "" {
			t.Errorf("%s: nothing is found", name)
		}
		var tell func(before []*schema.Event, parts [][]*schema.Event)
		tell = func(before []*schema.Event, parts [][]*schema.Event) {
			if len(parts) > 0 && len(parts[0]) > 5 {
				tell(slices.Concat(before, parts[0]), parts[1:])
				return
			}
			if len(parts) > 0 {
				permutations(slices.Clone(parts[0]), func(order []*schema.Event) { tell(slices.Concat(before, order), parts[1:]) })
				return
			}
			if got := text(t, detecttest.Found(running, before)); got != want {
				t.Errorf("%s: found\n%s\nin order\n%s", name, got, want)
			}
		}
		tell(nil, parts)
	}
}
