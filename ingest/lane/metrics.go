package lane

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what the lanes of a process report.
type Metrics struct {
	// Events and Sightings count what is read, by what became of it.
	Events, Sightings *prometheus.CounterVec

	deadLetters *prometheus.CounterVec
	lag         *prometheus.GaugeVec
	progress    *prometheus.GaugeVec
	restarts    *prometheus.CounterVec
	dataLoss    *prometheus.CounterVec
	waiting     *prometheus.GaugeVec
	without     prometheus.Counter
	rebalances  prometheus.Counter
	fetchErrors prometheus.Counter
	owned       prometheus.Gauge
}

// NewMetrics registers the lanes' metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		Events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hijackd_events_total",
			Help: "Records of the event topic that were read, by what became of them."}, []string{"outcome"}),
		Sightings: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hijackd_sightings_total",
			Help: "Records of the sightings topic that were read, by what became of them."}, []string{"outcome"}),
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hijackd_dead_letters_total",
			Help: "Records that could not be accepted, by reason."}, []string{"reason"}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hijackd_lag_records",
			Help: "Records between a lane and the end of its partition."}, []string{"topic", "partition"}),
		progress: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hijackd_lane_progress_timestamp_seconds",
			Help: "When a lane last finished a batch."}, []string{"topic", "partition"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hijackd_lane_restarts_total",
			Help: "How often a lane was discarded and began again at its commit."}, []string{"topic"}),
		dataLoss: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hijackd_data_loss_total",
			Help: "How often a partition no longer held the offset that was to be read next."}, []string{"topic"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hijackd_waiting_keys",
			Help: "Keys whose history is being looked up."}, []string{"topic", "partition"}),
		without: prometheus.NewCounter(prometheus.CounterOpts{Name: "hijackd_judged_without_history_total",
			Help: "Keys judged without their history, because it could not be read in time."}),
		rebalances: prometheus.NewCounter(prometheus.CounterOpts{Name: "hijackd_rebalances_total",
			Help: "Generations of the consumer group that this member took part in."}),
		fetchErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "hijackd_fetch_errors_total",
			Help: "Fetches that failed and were repeated."}),
		owned: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hijackd_lanes",
			Help: "Partitions that this member owns."}),
	}
	r.MustRegister(m.Events, m.Sightings, m.deadLetters, m.lag, m.progress, m.restarts, m.dataLoss, m.waiting, m.without, m.rebalances, m.fetchErrors, m.owned)
	return m
}

// forget drops what was said about a partition that the process no longer owns.
func (m *Metrics) forget(topic, partition string) {
	m.lag.DeleteLabelValues(topic, partition)
	m.progress.DeleteLabelValues(topic, partition)
	m.waiting.DeleteLabelValues(topic, partition)
}
