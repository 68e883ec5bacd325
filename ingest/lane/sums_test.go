package lane

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// newSummingLane is a lane over the chain's token fold.
func newSummingLane(p *published) *Detecting[toy] {
	l := newToyLane(&table{rows: map[string]toy{}}, p.publish)
	l.Fold = newChainTokens("0", 1000)
	return l
}

func TestALaneThatSumsUpReadsFromTheStartOfItsStretch(t *testing.T) {
	for _, c := range []struct{ committed, first, want int64 }{
		{0, 0, 0}, {15, 0, 0}, {16, 0, 16}, {40, 0, 32}, {40, 35, 35}, {40, 40, 40},
		{40, 50, 40}, // lost: reading there fails, and is reported as the loss that it is
	} {
		l := newSummingLane(&published{})
		from, err := l.Open(t.Context(), schema.Assignment{Committed: c.committed, First: c.first})
		if err != nil || from != c.want || l.store.Stored() != c.want {
			t.Errorf("%+v: reads from %d with %d stored, %v", c, from, l.store.Stored(), err)
		}
	}
}

func TestSumsGoOutWhenTheLaneIsIdleOrACommitWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		l := newSummingLane(p)
		_, err := l.Open(t.Context(), schema.Assignment{})
		must(t, err)
		must(t, l.Process(t.Context(), batch(0, " 1", " 2", "poison", "poison")))
		must(t, l.Work(t.Context()))
		p.want(t, "dead: letter", "dead: letter")
		must(t, l.Work(t.Context())) // nothing came since the last look
		p.want(t, "dead: letter", "dead: letter", "sightings: app 0:0:2")

		more := batch(4)
		for range stretch {
			more = batch(more.Next, " x")
			must(t, l.Process(t.Context(), more))
			must(t, l.Work(t.Context()))
		}
		p.want(t, "dead: letter", "dead: letter", "sightings: app 0:0:10", "sightings: app 0:0:2", "sightings: app 0:0:5")
		if d := l.Durable(); d != 0 {
			t.Errorf("durable %d: the stretch that ended is not told", d)
		}
		time.Sleep(sumsAtLeast)
		must(t, l.Process(t.Context(), batch(more.Next, " y")))
		must(t, l.Work(t.Context()))
		p.want(t, "dead: letter", "dead: letter", "sightings: app 0:0:10", "sightings: app 0:0:14", "sightings: app 0:0:2", "sightings: app 0:0:5",
			"sightings: app 0:1:5")
		if d := l.Durable(); d != more.Next+1 {
			t.Errorf("durable %d of %d", d, more.Next+1)
		}
		l.Close(t.Context())
	})
}

func TestAHandOverTellsTheSums(t *testing.T) {
	p := &published{}
	l := newSummingLane(p)
	_, err := l.Open(t.Context(), schema.Assignment{})
	must(t, err)
	must(t, l.Process(t.Context(), batch(0, " 1", " 2")))
	l.Close(t.Context())
	p.want(t, "sightings: app 0:0:2")
	if d := l.Durable(); d != 2 {
		t.Errorf("durable %d, want 2", d)
	}
}
