package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

const (
	// maxRevoked bounds the revoked tokens in memory, at about 200 bytes each; the first to go are those that were read first.
	maxRevoked = 1 << 18
	// revokedStale is how long nothing need be heard of Kafka before what is not on the list counts as unknown.
	revokedStale = 30 * time.Second
	revokedWait  = time.Second // of a fetch that brings nothing
	revokedBytes = 1 << 20     // of a fetch
)

// revokedTokens is the topic of revocations in memory, from its beginning to its end, and further as it grows.
type revokedTokens struct {
	most int

	mu      sync.RWMutex
	entries map[revokedKey]revokedToken
	order   []revokedKey // as read; those before head are gone
	head    int
	dropped int
	heard   []time.Time // by partition; zero until it was read to its end
	seen    map[string]string
}

type revokedKey [16]byte

// revokedToken is what is known of a revoked token.
type revokedToken struct {
	at          int64 // Unix nanoseconds
	why, action string
}

func newRevokedTokens(most int) *revokedTokens {
	return &revokedTokens{most: most, entries: map[revokedKey]revokedToken{}, seen: map[string]string{}}
}

func keyOfRevoked(tenant, token string) revokedKey {
	sum := sha256.Sum256([]byte(tenant + "\x00" + token)) // a fingerprint's forms tell where it begins
	return revokedKey(sum[:16])
}

func (r *revokedTokens) find(tenant, token string) (revokedToken, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t, ok := r.entries[keyOfRevoked(tenant, token)]
	return t, ok
}

// current reports whether every partition was read to its end and answered lately.
func (r *revokedTokens) current(now time.Time) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, t := range r.heard {
		if now.Sub(t) > revokedStale {
			return false
		}
	}
	return len(r.heard) > 0
}

// forgot reports whether there were more revoked tokens than fit.
func (r *revokedTokens) forgot() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.dropped > 0
}

// add reads one record. One that is no revocation is left out: whoever may write the topic may write anything.
func (r *revokedTokens) add(rec *schema.Record) {
	if rec.Broken != "" || rec.Value == nil {
		return // a tombstone does not say of which tenant
	}
	var v revocation
	if json.Unmarshal(rec.Value, &v) != nil || v.Token == "" {
		return
	}
	k := keyOfRevoked(v.Tenant, v.Token)
	r.mu.Lock()
	defer r.mu.Unlock()
	old, known := r.entries[k]
	t := revokedToken{at: v.RevokedAt.UnixNano(), why: r.shared(v.Reason), action: v.ActionID}
	if known && old.at > t.at {
		return
	}
	r.entries[k] = t
	if known {
		return
	}
	r.order = append(r.order, k)
	if len(r.entries) > r.most {
		delete(r.entries, r.order[r.head])
		r.head++
		r.dropped++
	}
	if r.head > r.most/2 {
		r.order, r.head = append([]revokedKey(nil), r.order[r.head:]...), 0
	}
}

// shared keeps one copy of a reason: there are as many as rules, unless somebody else writes the topic.
func (r *revokedTokens) shared(why string) string {
	if s, ok := r.seen[why]; ok || len(r.seen) >= 1000 {
		return s
	}
	why = string(schema.CleanText(why, 128))
	r.seen[why] = why
	return why
}

// follow reads the topic until ctx ends.
func (r *revokedTokens) follow(ctx context.Context, client *broker.Client, topic string, partitions int, log *slog.Logger) {
	r.mu.Lock()
	r.heard = make([]time.Time, partitions)
	r.mu.Unlock()
	var wg sync.WaitGroup
	for p := range int32(partitions) { // #nosec G115 -- Kafka's partitions are int32
		wg.Go(func() {
			for ctx.Err() == nil {
				err := r.followPartition(ctx, client, topic, p)
				if ctx.Err() != nil {
					return
				}
				log.Warn("the revocations can't be read", slog.Int("partition", int(p)), slog.Any("error", err))
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
		})
	}
	wg.Wait()
}

// followPartition reads one partition from its beginning: reading again what is known already changes nothing.
func (r *revokedTokens) followPartition(ctx context.Context, client *broker.Client, topic string, p int32) error {
	first, end, err := client.Bounds(ctx, topic, p)
	if err != nil {
		return err
	}
	f := client.Fetcher(topic, p, first, revokedBytes, revokedWait)
	var b broker.Batch
	for {
		if f.Next() >= end {
			r.mu.Lock()
			r.heard[p] = time.Now()
			r.mu.Unlock()
		}
		if err := f.Fetch(ctx, &b); err != nil {
			return err
		}
		for i := range b.Records {
			r.add(&b.Records[i])
		}
	}
}

// Describe implements prometheus.Collector.
func (r *revokedTokens) Describe(c chan<- *prometheus.Desc) { prometheus.DescribeByCollect(r, c) }

// What is told of them.
var (
	revokedKnown   = prometheus.NewDesc("hijackd_api_revoked_tokens", "Revoked tokens that the API knows.", nil, nil)
	revokedDropped = prometheus.NewDesc("hijackd_api_revoked_tokens_forgotten_total", "Revoked tokens that no longer fit into the API's memory.", nil, nil)
)

// Collect implements prometheus.Collector.
func (r *revokedTokens) Collect(c chan<- prometheus.Metric) {
	r.mu.RLock()
	known, dropped := len(r.entries), r.dropped
	r.mu.RUnlock()
	c <- prometheus.MustNewConstMetric(revokedKnown, prometheus.GaugeValue, float64(known))
	c <- prometheus.MustNewConstMetric(revokedDropped, prometheus.CounterValue, float64(dropped))
}
