package actions

import (
	"maps"
	"slices"
	"time"
)

const (
	// neverBelow is how many revocations an hour percent_of_active always lets go.
	neverBelow = 10
	// censusFor is how long after its hour began an app's census counts: it covers that hour or the one before, and comes late.
	censusFor = 3 * time.Hour
	// appsMost bounds the apps of a tenant whose census is kept; the one told of least lately goes first.
	appsMost = 1000
)

// census is how many tokens of each app of a tenant were active in an hour.
type census map[string]counted

type counted struct {
	hour  time.Time
	count int64
}

// Census folds how many tokens of an app were active in the hour that began at a time. Of several for an app the latest hour counts, of
// one hour the greatest count: censuses may come again, and in any order.
func (f *Fold) Census(tenant, app string, hour time.Time, count int64) {
	c := f.censuses[tenant]
	if c == nil {
		c = census{}
		f.censuses[tenant] = c
	}
	if old, ok := c[app]; ok && (hour.Before(old.hour) || hour.Equal(old.hour) && count <= old.count) {
		return
	}
	c[app] = counted{hour, max(count, 0)}
	if len(c) > appsMost {
		delete(c, slices.MinFunc(slices.Sorted(maps.Keys(c)), func(a, b string) int { return c[a].hour.Compare(c[b].hour) }))
	}
}

// active is how many tokens of a tenant were active lately as of a record time: the sum over its apps. It is known once an app has told.
func (f *Fold) active(tenant string, at time.Time) (n int64, known bool) {
	for _, c := range f.censuses[tenant] {
		if c.hour.After(at.Add(-censusFor)) {
			n += c.count
			known = true
		}
	}
	return n, known
}
