package actions

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// gust is a batch of findings about many tokens, the later the worse.
func gust(from, to int) (fs []*schema.Finding) {
	for n := from; n < to; n++ {
		fs = append(fs, found(fmt.Sprint(n), fmt.Sprint("h1:k1:", n), 0, func(f *schema.Finding) { f.Confidence = float64(n+1) / 1000 }))
	}
	return fs
}

func TestStormIsOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d, b := onBoard(m)
		r := open(t, d, LaneDefaults())
		process(t, r, gust(0, 100)...)
		process(t, r, gust(50, 60)...) // come again
		run(t, r, 3*time.Minute)
		process(t, r, gust(200, 202)...)
		run(t, r, time.Minute)
		kinds := map[string]int{}
		for _, s := range b.said {
			kinds[strings.Fields(s)[0]]++
		}
		if kinds["post"] != 22 || kinds["detail"] != 22 || kinds["storm"] != 1 {
			t.Errorf("%v", kinds)
		}
		i := slices.IndexFunc(m.alerts, func(a Alert) bool { return a.Storm != nil })
		s := m.alerts[i].Storm
		if s.Count != 80 || len(s.Worst) != 5 || s.Worst[0].ID != "fnd_99" || s.Worst[4].ID != "fnd_95" || s.Until.Sub(s.From) != time.Minute {
			t.Errorf("%+v", s)
		}
		abandon(r)
	})
}

// Whoever comes in the middle of a storm tells of all of it, once.
func TestStormSurvivesATakeover(t *testing.T) {
	for _, committed := range []int64{0, 50} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{}
			d, _ := onBoard(m)
			old := open(t, d, LaneDefaults())
			var recs []schema.Record
			for n, f := range gust(0, 50) {
				recs = append(recs, signal(t, int64(n), schema.Signal{Finding: f}))
			}
			if err := old.Process(t.Context(), recs); err != nil {
				t.Fatal(err)
			}
			abandon(old)
			for start := range int64(3) { // the later ones have nothing to add
				next := NewResponse(enforcing(t), LaneDefaults(), d)
				if _, err := next.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 2, Start: start + 1}, Committed: committed}); err != nil {
					t.Fatal(err)
				}
				if err := next.Process(t.Context(), recs); err != nil {
					t.Fatal(err)
				}
				run(t, next, 2*time.Minute)
				abandon(next)
			}
			var storms []*Storm
			for _, a := range m.alerts {
				if a.Storm != nil {
					storms = append(storms, a.Storm)
				}
			}
			if len(storms) != 1 || storms[0].Count != 30 {
				t.Errorf("committed %d: %+v", committed, *storms[0])
			}
		})
	}
}
