package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

func TestLogReadsBackWhatWasAppended(t *testing.T) {
	for server, addr := range servers(t) {
		t.Run(server, func(t *testing.T) {
			c := newClient(t, addr)
			log := broker.Log{Client: c, Topic: newTopic(t, c, 1)}
			var read []string
			each := func(r *schema.Record) error {
				read = append(read, fmt.Sprintf("%d %s=%s", r.Offset, r.Key, r.Value))
				return nil
			}
			next, err := log.Read(t.Context(), 0, each)
			if err != nil || next != 0 {
				t.Fatal(next, err)
			}
			for i := range 3 {
				if err := log.Append(t.Context(), []broker.Message{{Key: []byte("k"), Value: fmt.Append(nil, i)}}); err != nil {
					t.Fatal(err)
				}
				if next, err = log.Read(t.Context(), next, each); err != nil {
					t.Fatal(err)
				}
			}
			if want := "[0 k=0 1 k=1 2 k=2]"; next != 3 || fmt.Sprint(read) != want {
				t.Errorf("read %v to %d, want %s to 3", read, next, want)
			}
		})
	}
}

func TestBeforeFindsTheFirstRecordOfAnHour(t *testing.T) {
	for server, addr := range servers(t) {
		t.Run(server, func(t *testing.T) {
			c := newClient(t, addr)
			topic := newTopic(t, c, 1)
			p := franz(t, addr, topic)
			now := time.Now()
			for _, age := range []time.Duration{3 * time.Hour, 90 * time.Minute, 50 * time.Minute, time.Minute} {
				if err := p.ProduceSync(t.Context(), &kgo.Record{Value: []byte("x"), Timestamp: now.Add(-age)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			for offset, want := range map[int64]int64{0: 0, 1: 1, 2: 1, 3: 2, 4: 2} {
				got, err := c.Before(t.Context(), topic, 0, offset, time.Hour)
				if err != nil || got != want {
					t.Errorf("an hour before offset %d: %d, %v; want %d", offset, got, err, want)
				}
			}
		})
	}
}
