package actions

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

func digestsOf(m *memory) (ds []*Digest) {
	for _, a := range m.alerts {
		if a.Digest != nil {
			ds = append(ds, a.Digest)
		}
	}
	return ds
}

// The first week: in shadow people are told once a day what enforcing would have done, and that there was nothing.
func TestDigestOfAShadow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := NewResponse(policyOf(t, Shadow, nil), LaneDefaults(), m.deps())
		if _, err := r.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 1}}); err != nil {
			t.Fatal(err)
		}
		for n := range 7 {
			process(t, r, conclusive(fmt.Sprint("h1:k1:", n)))
		}
		again := conclusive("h1:k1:0")
		again.ID, again.Rule = "fnd_again", "token-harvest"
		process(t, r, again, again, found("weak", "h1:k1:x", 0))
		run(t, r, 8*time.Hour+time.Second)
		ds := digestsOf(m)
		if len(ds) != 1 || ds[0].Findings != 9 || ds[0].Would != 7 || ds[0].Revoked != 0 || len(ds[0].Examples) != 5 || ds[0].Rules["parallel-use"] != 7 || ds[0].Until.Hour() != 8 {
			t.Fatalf("%+v", ds)
		}
		run(t, r, 24*time.Hour)
		if ds = digestsOf(m); len(ds) != 2 || ds[1].Findings != 0 || ds[1].Would != 0 || !ds[1].From.Equal(ds[0].Until) {
			t.Errorf("the quiet day: %+v", ds[1])
		}
		abandon(r)
	})
}

func TestDigestWhileEnforcing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := open(t, m.deps(), LaneDefaults())
		process(t, r, conclusive("h1:k1:a"), conclusive("h1:k1:b"))
		run(t, r, 8*time.Hour+time.Second)
		if ds := digestsOf(m); len(ds) != 1 || ds[0].Findings != 2 || ds[0].Would != 0 || ds[0].Revoked != 2 {
			t.Errorf("%+v", ds)
		}
		run(t, r, 48*time.Hour)
		if n := len(digestsOf(m)); n != 1 {
			t.Errorf("%d digests, though nothing was found any more", n)
		}
		abandon(r)
	})
}

func TestNoDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		cfg := LaneDefaults()
		cfg.DigestAt = -1
		r := open(t, m.deps(), cfg)
		process(t, r, conclusive("h1:k1:a"))
		run(t, r, 48*time.Hour)
		if n := len(digestsOf(m)); n != 0 {
			t.Errorf("%d digests", n)
		}
		abandon(r)
	})
}

// A digest counts each finding once and is sent once, whoever owns the lane, and however far back its signals are read again.
func TestDigestSurvivesTakeovers(t *testing.T) {
	for _, lookBack := range []time.Duration{0, 90 * time.Minute, 12 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{}
			d := m.deps()
			var recs []schema.Record
			d.Horizon = func(_ context.Context, offset int64, d time.Duration) (int64, error) {
				from := offset
				for from > 0 && recs[offset-1].Time-recs[from-1].Time <= int64(min(d, lookBack)) {
					from--
				}
				return from, nil
			}
			p := policyOf(t, Shadow, nil)
			for n := range 9 { // an owner an hour, and a finding half an hour
				r := NewResponse(p, LaneDefaults(), d)
				from, err := r.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: int64(n) + 1, Start: 1}, Committed: int64(len(recs))})
				if err != nil {
					t.Fatal(err)
				}
				if err := r.Process(t.Context(), recs[from:]); err != nil {
					t.Fatal(err)
				}
				for half := range 2 {
					rec := signal(t, int64(len(recs)), schema.Signal{Finding: conclusive(fmt.Sprint("h1:k1:", n, half))})
					recs = append(recs, rec)
					if err := r.Process(t.Context(), []schema.Record{rec}); err != nil {
						t.Fatal(err)
					}
					run(t, r, 30*time.Minute)
				}
				abandon(r)
			}
			ds := digestsOf(m)
			if len(ds) != 1 || lookBack > 0 && (ds[0].Findings != 16 || ds[0].Would != 16) {
				t.Errorf("look back %s: %+v", lookBack, *ds[0])
			}
		})
	}
}
