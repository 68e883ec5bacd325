package actions

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
)

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		m := &memory{}
		d := m.deps()
		d.Metrics = NewMetrics(reg, time.Now)
		r := open(t, d, LaneDefaults())
		weak := conclusive("h1:k1:b")
		weak.Rule, weak.User, weak.Conclusive = "device-change", "u-2", false
		process(t, r, conclusive("h1:k1:a"), weak)
		run(t, r, time.Minute)
		strict := Defaults()
		strict.Mode, strict.Limits.RevokesPerMinute = Enforce, 0
		p, err := NewPolicy(strict, map[string]Mode{"parallel-use": Enforce})
		if err != nil {
			t.Fatal(err)
		}
		r.SetPolicy(p)
		third := conclusive("h1:k1:c")
		third.User = "u-3"
		process(t, r, third)
		if got := d.Metrics.held(); got != 1 {
			t.Errorf("held %v", got)
		}
		if n := count(t, d.Metrics.findings.WithLabelValues("parallel-use", "high", "revoke_session")); n != 2 {
			t.Errorf("findings %v", n)
		}
		for result, want := range map[string]float64{"pending": 1, "delivered": 1, "held": 1, "failed": 0} {
			if n := count(t, d.Metrics.actions.WithLabelValues(string(schema.RevokeSession), result)); n != want {
				t.Errorf("%s: %v, want %v", result, n, want)
			}
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
			t.Errorf("%v %v", problems, err)
		}
		var names []string
		for _, f := range families {
			names = append(names, f.GetName())
		}
		for _, want := range []string{"hijackd_findings_total", "hijackd_actions_total", "hijackd_actions_oldest_pending_seconds", "hijackd_actions_held", "hijackd_revocation_seconds"} {
			if !slices.Contains(names, want) {
				t.Errorf("no %s among %v", want, names)
			}
		}
		abandon(r)
	})
}

func count(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func TestOldestPendingAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		d.Revoker = nil
		r := open(t, d, LaneDefaults())
		process(t, r, conclusive("h1:k1:a"))
		run(t, r, 90*time.Second)
		if got := d.Metrics.oldest(); got != 90 {
			t.Errorf("oldest pending for %v s, want 90", got)
		}
		abandon(r)
		if got := d.Metrics.oldest(); got != 0 {
			t.Errorf("a closed lane still counts: %v", got)
		}
	})
}
