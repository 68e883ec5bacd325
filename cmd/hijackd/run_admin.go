package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/store"
)

// readiness is whether the process takes part in its group. ClickHouse is none of its conditions: its outage must not stop a roll-out.
type readiness struct{ group atomic.Pointer[lane.Group] }

// serveAdmin serves /metrics, /livez and /readyz; with an empty address nothing listens.
func serveAdmin(ctx context.Context, addr string, reg *prometheus.Registry, ready *readiness, log *slog.Logger, later func(func(context.Context) error)) error {
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newBuildInfo())
	if addr == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if g := ready.group.Load(); g == nil || !g.Joined() {
			http.Error(w, "not a member of the consumer group yet", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	})
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("admin.listen: %w", err)
	}
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.Serve(l) }()
	later(s.Shutdown)
	log.Info("admin listens", slog.String("address", l.Addr().String()))
	return nil
}

func newBuildInfo() prometheus.Collector {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hijackd_build_info", Help: "1, labelled with the version."}, []string{"version"})
	g.WithLabelValues(version()).Set(1)
	return g
}

// eventMetrics are what decoding and storing report.
type eventMetrics struct {
	raw, unknownFields, unknownEnums, ahead prometheus.Counter
}

func newEventMetrics(reg prometheus.Registerer, events *store.Events, sightings *store.Sightings) *eventMetrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	for rows, stats := range map[string]func() store.Stats{"events": events.Stats, "sightings": sightings.Stats} {
		labels := prometheus.Labels{"rows": rows}
		reg.MustRegister(
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "hijackd_clickhouse_rows_total", Help: "Rows that ClickHouse has acknowledged.",
				ConstLabels: labels}, func() float64 { return float64(stats().Rows) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "hijackd_clickhouse_insert_errors_total", Help: "Inserts that failed and were repeated.",
				ConstLabels: labels}, func() float64 { return float64(stats().Failures) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hijackd_clickhouse_waiting_rows", Help: "Rows that ClickHouse has not acknowledged yet.",
				ConstLabels: labels}, func() float64 { return float64(stats().Waiting) }),
		)
	}
	return &eventMetrics{
		raw:           counter("hijackd_raw_tokens_total", "Raw tokens that were replaced by their fingerprints."),
		unknownFields: counter("hijackd_unknown_fields_total", "Fields of events that hijackd doesn't know."),
		unknownEnums:  counter("hijackd_unknown_values_total", "Enumeration values that hijackd doesn't know."),
		ahead:         counter("hijackd_clock_skew_total", "Events more than five minutes ahead of their record, which are not judged."),
	}
}

// add reports what has been counted since the last call with the same seen.
func (m *eventMetrics) add(seen, now *decode.Counts) {
	m.raw.Add(float64(now.RawTokens - seen.RawTokens))
	m.unknownFields.Add(float64(now.UnknownFields - seen.UnknownFields))
	m.unknownEnums.Add(float64(now.UnknownEnums - seen.UnknownEnums))
	m.ahead.Add(float64(now.Ahead - seen.Ahead))
	*seen = *now
}
