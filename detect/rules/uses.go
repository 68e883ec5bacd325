package rules

import (
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// labelOf is the label of where a use happened.
func labelOf(u *detect.Use) string {
	if u.Vantage == nil {
		return "no address"
	}
	return u.Vantage.Label()
}

// endOf is where a use happened, as a side of a finding.
func endOf(u *detect.Use) *schema.End {
	if u.Vantage == nil {
		return nil
	}
	return u.Vantage.End()
}

// from says in a summary where a use came from.
func from(u *detect.Use) string {
	if u.Vantage == nil {
		return ""
	}
	return ", from " + place(u.Vantage)
}

// otherDevice reports whether b, used after a, is on another machine, as far as user agents, device ids, keys and TLS clients tell.
func otherDevice(a, b *detect.Vantage) bool { return !detect.Updated(a, b) && !detect.Disguised(a, b) }

// lives follows the lives of a token along its uses.
type lives struct {
	s     *detect.Session
	life  int
	begun bool
}

// next reports whether a use begins another life than the one before it.
func (l *lives) next(u *detect.Use) bool {
	life := l.s.Life(u)
	other := l.begun && life != l.life
	l.life, l.begun = life, true
	return other
}

// strongest lets out, of the verdicts on one life of a token in event order, each that is the first or the most confident about its thing.
type strongest map[string]float64

func (best strongest) say(v detect.Verdict, say func(detect.Verdict)) {
	if had, ok := best[v.About]; !ok || v.Confidence > had {
		best[v.About] = v.Confidence
		say(v)
	}
}
