package detect

import "slices"

// factSet is a set of facts, a bit for each.
type factSet uint64

const allFacts factSet = 1<<facts - 1

func factsOf(list []Fact) (set factSet) {
	if list == nil {
		return allFacts
	}
	for _, f := range list {
		set |= 1 << f
	}
	return set
}

// daySum is how often each fact was counted in the hours of a day that are kept.
type daySum [facts]int64

// nothing is what is known before the first version.
var nothing Counted

// count counts a version of an hour in place of the one before it.
func (a *App) count(h int64, c, before *Counted) {
	x := a.hours[h]
	if x == nil {
		x = &appHour{}
		a.hours[h] = x
	}
	day := floorDiv(h, hoursPerDay)
	sum := a.sums[day]
	if sum == nil {
		sum = &daySum{}
		a.sums[day] = sum
	}
	for f := range x.n {
		n := c.n[f] - before.n[f]
		x.n[f] += n
		sum[f] += n
	}
}

// forget forgets an hour.
func (a *App) forget(h int64, x *appHour) {
	delete(a.hours, h)
	day := floorDiv(h, hoursPerDay)
	if (day+1)*hoursPerDay-1 <= a.Newest-keptHours {
		delete(a.sums, day)
		return
	}
	if sum := a.sums[day]; sum != nil {
		for f := range sum {
			sum[f] -= x.n[f]
		}
	}
}

// differs is of which facts another version says something else.
func (c *Counted) differs(o *Counted) (set factSet) {
	for f := range c.n {
		if c.n[f] != o.n[f] {
			set |= 1 << f
		}
	}
	for i := range c.examples {
		if !slices.Equal(c.examples[i], o.examples[i]) {
			set |= 1 << (int(RawTokens) + i)
		}
	}
	for i := range c.tokens {
		if !slices.Equal(c.tokens[i], o.tokens[i]) {
			set |= 1 << (int(Unissued) + i)
		}
	}
	if c.MinBits != o.MinBits {
		set |= 1 << Weak
	}
	if c.MaxLead != o.MaxLead {
		set |= 1 << Lead
	}
	if c.MaxLag != o.MaxLag {
		set |= 1 << Lag
	}
	return set
}

// sampled are the facts with tokens.
func (c *Counted) sampled() (set factSet) {
	for i := range c.tokens {
		if len(c.tokens[i]) > 0 {
			set |= 1 << (int(Unissued) + i)
		}
	}
	return set
}

// InDay is how often a fact was counted on a day, in Unix days, as far as it is kept. Unlike Day it costs nothing.
func (a *App) InDay(day int64, f Fact) int64 {
	if sum := a.sums[day]; sum != nil {
		return max(0, sum[f])
	}
	return 0
}
