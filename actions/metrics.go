package actions

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hijackd/hijackd/schema"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are shared by all response lanes of a process. Labels are rule names, decisions and states: never a token or a user.
type Metrics struct {
	findings   *prometheus.CounterVec
	actions    *prometheus.CounterVec
	unreadable prometheus.Counter
	voided     prometheus.Counter
	failures   *prometheus.CounterVec
	revocation prometheus.Histogram

	mu    sync.Mutex
	lanes map[*gauges]bool
	now   func() time.Time
}

// gauges are what one lane contributes to the process's gauges.
type gauges struct{ oldest, held atomic.Int64 } // Unix ns of the oldest pending revocation or 0; count

// NewMetrics registers the response lanes' metrics.
func NewMetrics(reg prometheus.Registerer, now func() time.Time) *Metrics {
	m := &Metrics{
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hijackd_findings_total", Help: "Versions of findings decided on, by rule, severity and decision.",
		}, []string{"rule", "severity", "decision"}),
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hijackd_actions_total", Help: "Actions and alerts that came to a state (pending, held, discarded, delivered, failed), and their retried attempts.",
		}, []string{"action", "result"}),
		unreadable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hijackd_signals_unreadable_total", Help: "Records of the signals topic that no version of hijackd could have written.",
		}),
		voided: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hijackd_response_void_records_total", Help: "Records of the response topic that an owner without the right to act wrote.",
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hijackd_response_failures_total", Help: "Failed attempts to announce or to archive what was decided.",
		}, []string{"op"}),
		revocation: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hijackd_revocation_seconds", Help: "From the event that completed a finding to the acknowledged revocation.",
			Buckets: []float64{0.5, 2, 60}, NativeHistogramBucketFactor: 1.1,
		}),
		lanes: map[*gauges]bool{},
		now:   now,
	}
	label := prometheus.Labels{"action": string(schema.RevokeSession)}
	reg.MustRegister(m.findings, m.actions, m.unreadable, m.voided, m.failures, m.revocation,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hijackd_actions_oldest_pending_seconds", Help: "Age of the oldest action that is authorised and not delivered.", ConstLabels: label,
		}, m.oldest),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hijackd_actions_held", Help: "Actions that a limit holds until somebody releases or discards them.", ConstLabels: label,
		}, m.held))
	return m
}

func (m *Metrics) lane(g *gauges, present bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if present {
		m.lanes[g] = true
	} else {
		delete(m.lanes, g)
	}
}

func (m *Metrics) oldest() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var age time.Duration
	for g := range m.lanes {
		if ns := g.oldest.Load(); ns != 0 {
			age = max(age, m.now().Sub(time.Unix(0, ns)))
		}
	}
	return age.Seconds()
}

func (m *Metrics) held() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var n int64
	for g := range m.lanes {
		n += g.held.Load()
	}
	return float64(n)
}
