package detect

import (
	"cmp"
	"math"
	"slices"

	"github.com/hijackd/hijackd/schema"
)

// ago is a time before another, no less than the least there is.
func ago(at, by int64) int64 {
	if at < math.MinInt64+by {
		return math.MinInt64
	}
	return at - by
}

// horizon is the time before which sights of a class are not kept.
func (t *Subjects) horizon(s *subject, class int) int64 {
	window := t.windows[s.scope]
	if class == uses {
		window = min(window, int64(UseWindow))
	}
	return ago(s.newest, t.lateness+window)
}

// prune drops what need not be kept any more.
func (t *Subjects) prune(s *subject) {
	s.pruned = s.newest
	var horizons [kinds]int64
	for class := range horizons {
		horizons[class] = t.horizon(s, class)
	}
	t.removeSights(s, func(x *Sight) bool { return x.Time < horizons[x.class()] })
	many := len(s.tokens) > idleTokens
	t.removeTokens(s, func(k *Token) bool {
		switch {
		case len(k.sights) > 0:
			return false
		case s.scope == schema.ScopeNetwork:
			return true
		case many && k.last < ago(s.newest, idleFor):
			return true
		}
		// A dismissal as late as may be asks whether the token had ended that long before it.
		return k.last < ago(s.newest, 3*t.lateness) && !k.Live(Moment{Time: math.MaxInt64})
	})
	s.forgetSaid()
}

// forgetTokens makes room by forgetting a quarter of the tokens, those unseen the longest.
func (t *Subjects) forgetTokens(s *subject, but *Token) {
	s.thinned = s.newest
	order := slices.Clone(s.tokens)
	slices.SortFunc(order, func(a, b *Token) int { return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.Name, b.Name)) })
	forgotten := map[*Token]bool{}
	for _, k := range order[:len(order)/4] {
		forgotten[k] = k != but
	}
	t.removeSights(s, func(x *Sight) bool { return forgotten[x.Token] })
	t.removeTokens(s, func(k *Token) bool { return forgotten[k] })
}

func (t *Subjects) removeSights(s *subject, which func(*Sight) bool) {
	var thinner []*Token
	s.sights = slices.DeleteFunc(s.sights, func(x *Sight) bool {
		if !which(x) {
			return false
		}
		s.forgetSight(x)
		thinner = append(thinner, x.Token)
		return true
	})
	for _, k := range thinner {
		k.sights = slices.DeleteFunc(k.sights, which)
	}
}

func (t *Subjects) removeTokens(s *subject, which func(*Token) bool) {
	s.tokens = slices.DeleteFunc(s.tokens, func(k *Token) bool {
		if !which(k) {
			return false
		}
		delete(s.index, k.Name)
		s.bytes -= k.bytes()
		return true
	})
	if len(s.tokens) <= fewTokens {
		s.index = nil
	}
}

// bytes is what a token takes, its sights apart.
func (k *Token) bytes() int {
	n := tokenBytes + len(k.Name) + len(k.first.Event)
	for i := range k.names {
		n += namingBytes + len(k.names[i].user) + len(k.names[i].session)
	}
	for i := range k.turns {
		n += turnBytes + len(k.turns[i].Event)
	}
	for i := range k.noted {
		n += momentBytes + len(k.noted[i].Event)
	}
	return n
}
