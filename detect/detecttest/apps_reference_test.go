package detecttest_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/schema"
)

// counted is how often a fact is to be counted of an app in a Unix hour.
type counted map[[2]string]map[string]int64

func (c counted) add(app string, at int64, f detect.Fact, n int64) {
	if app == "" {
		app = detect.NoApp
	}
	h := at / int64(time.Hour)
	k := [2]string{app, fmt.Sprint(h / 24)}
	if c[k] == nil {
		c[k] = map[string]int64{}
	}
	c[k][fmt.Sprintf("%02d %d", h%24, f)] += n
}

// reference counts tokens that are never rotated, all events of each at once.
func reference(events []*schema.Event) counted {
	c := counted{}
	tokens := map[string][]*schema.Event{}
	for _, e := range events {
		switch {
		case e.Ahead, e.Type == schema.SessionEnded:
		case e.Type == schema.LoginFailed:
			c.add(e.App, e.Time, detect.Failures+detect.Fact(e.Time/int64(10*time.Minute)%6), int64(e.Repeat))
		default:
			tokens[e.Token] = append(tokens[e.Token], e)
		}
	}
	needs := ledgerJudge{}.Needs()
	for _, uses := range tokens {
		slices.SortFunc(uses, func(a, b *schema.Event) int { return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID)) })
		once := map[string]bool{}
		first := func(what string, app string, at int64) bool {
			k := fmt.Sprint(what, app, at)
			was := once[k]
			once[k] = true
			return !was
		}
		var born, started int64
		issued := false
		var at string
		for i, e := range uses {
			day := e.Time / int64(24*time.Hour)
			f := detect.Accepted
			if !e.Accepted() {
				f = detect.Rejected
			}
			c.add(e.App, e.Time, f, int64(e.Repeat))
			if e.Type == schema.SessionStarted {
				c.add(e.App, e.Time, detect.Logins+detect.Fact(e.Time/int64(10*time.Minute)%6), 1)
			}
			for _, o := range uses { // one in the same instant counts as before
				if o.Type == schema.SessionStarted && o.Time <= e.Time {
					started = max(started, o.Time)
				}
			}
			if !e.Accepted() {
				continue
			}
			sec := e.Time / int64(time.Second)
			if born == 0 {
				born, at = sec, e.App
			}
			issued = issued || e.Type == schema.SessionStarted && sec-born <= 120
			if first("hour", "", e.Time/int64(time.Hour)) {
				c.add(e.App, e.Time, detect.Active, 1)
			}
			app := cmp.Or(e.App, detect.NoApp)
			if e.Type == schema.SessionStarted {
				continue
			}
			limit := func(of func(string) time.Duration) int64 { return int64(of(app)) }
			midnight := day * int64(24*time.Hour)
			if l := limit(needs.Idle); l > 0 && i > 0 && e.Time-uses[i-1].Time > l && first("idle", app, day) {
				c.add(app, midnight, detect.Idle, 1)
			}
			since, start := born*int64(time.Second), uses[0].Time
			if started != 0 {
				since, start = started, started
			}
			if l := limit(needs.Overage); l > 0 && e.Time-min(start, since) > l && first("overaged", app, day) {
				c.add(app, midnight, detect.Overaged, 1)
			}
			if l := limit(needs.Renewal); l > 0 && e.Time-since > l && first("unrenewed", app, day) {
				c.add(app, midnight, detect.Unrenewed, 1)
			}
		}
		if born != 0 {
			f := detect.Unissued
			if issued {
				f = detect.Issued
			}
			c.add(at, born*int64(time.Second), f, 1)
		}
	}
	return c
}

var checked = []detect.Fact{detect.Accepted, detect.Rejected, detect.Active, detect.Issued, detect.Unissued, detect.Idle, detect.Overaged, detect.Unrenewed}

func TestCountsAsTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := slices.DeleteFunc(business(t), func(e *schema.Event) bool { return e.Type == schema.SessionRotated })
		facts := slices.Clone(checked)
		for i := range detect.Fact(6) {
			facts = append(facts, detect.Failures+i, detect.Logins+i)
		}
		want := reference(events)
		for k, hours := range want {
			for h, n := range hours {
				if n == 0 {
					delete(want[k], h)
				}
			}
		}
		got := counted{}
		for _, f := range detecttest.Found(ledgers, events) {
			k := [2]string{f.Subject, f.Evidence["about"].(string)}
			got[k] = map[string]int64{}
			for _, line := range f.Evidence["hours"].([]string) {
				var h, fact, n int64
				if _, err := fmt.Sscanf(line, "%d %d: %d", &h, &fact, &n); err != nil {
					t.Fatal(err)
				}
				if slices.Contains(facts, detect.Fact(fact)) {
					got[k][fmt.Sprintf("%02d %d", h, fact)] = n
				}
			}
		}
		for k := range want {
			if fmt.Sprint(got[k]) != fmt.Sprint(want[k]) {
				for _, e := range events {
					t.Logf("%s %s %v %s %v %s", time.Unix(0, e.Time).UTC().Format("02 15:04:05.0"), e.ID, e.Type, e.Token, e.Accepted(), e.App)
				}
				t.Fatalf("%v:\n%v\nwant\n%v", k, got[k], want[k])
			}
		}
		for k, hours := range got {
			if len(hours) > 0 && want[k] == nil {
				t.Fatalf("%v: %v, want nothing", k, hours)
			}
		}
	})
}
