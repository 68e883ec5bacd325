//go:build bench

package spine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/ingest/broker"
)

// TestFlood sends forged events after which every one of very many tokens looks hijacked, through Kafka and the daemon: revocations stay
// within the limits, everything else is held in the response topic, people are paged once, and the next owner finds it all.
func TestFlood(t *testing.T) {
	const n = 200_000
	channel := slacktest.New()
	defer channel.Close()
	dir := t.TempDir()
	e := ownEngine(t, dir)
	defer func() { _ = e.Stop(context.Background()) }()
	s := newSite(t, 4, e.DSN())
	config := s.config("")
	s.rewrite(config, "{revokes_per_minute: 100000, revokes_per_hour: 1000000, percent_of_active: 100}", "{revokes_per_minute: 60, revokes_per_hour: 600}",
		"session_timeout: 6s", "session_timeout: 2m",
		"allow_private: true}", "allow_private: true}\n  slack: {token_file: \""+s.write("slack", slacktest.Token)+"\", channel: "+slacktest.Channel+
			", api_url: \""+channel.URL()+"\"}")
	m := s.start(config)
	now := time.Now()
	for stage, p := range []place{paris, tokyo} {
		for i := range n {
			tok := token(i)
			thief := p
			if stage == 1 {
				thief.ip = fmt.Sprintf("203.%d.%d.%d", i>>16&255, i>>8&255, i&255)
			}
			v := strings.Replace(event(fmt.Sprintf("f-%d-%d", stage, i), tok, "session.used", now.Add(time.Duration(stage-1)*5*time.Minute), thief),
				`"user":"u-`, `"user":"u-`+fmt.Sprint(i), 1)
			s.producer.Produce(t.Context(), &kgo.Record{Key: []byte(tok), Value: []byte(v)}, nil)
		}
	}
	if err := s.producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	drained := func(topic string) func() bool { return func() bool { return s.drained(topic) } }
	for _, topic := range []string{s.topic, s.topic + ".sightings", s.topic + ".signals"} {
		s.awaitFor(10*time.Minute, topic+" is drained", drained(topic))
	}
	t.Logf("%d tokens: %.1f s of hijackd's CPU, %d MiB at most; %d revocations, %d messages", n, cpu(t, m.cmd.Process.Pid).Seconds(),
		status(t, m.cmd.Process.Pid, "VmHWM")>>20, len(s.receiver.ids()), len(channel.Messages()))
	if revoked := len(s.receiver.ids()); revoked > 600 {
		t.Errorf("%d revocations within the hour, want at most 600", revoked)
	}
	held := s.held()
	if held+len(s.receiver.ids()) != n {
		t.Errorf("%d held and %d revoked, of %d", held, len(s.receiver.ids()), n)
	}
	pages := strings.Count(m.out.String(), "msg=page kind=held")
	if pages != 1 {
		t.Errorf("%d pages about held actions, want 1", pages)
	}

	m.kill()
	began := time.Now()
	m = s.start(config)
	s.steal(token(n), time.Now())
	s.await("the next owner's decision", func() bool { return len(s.receiver.ids()[token(n)]) == 1 || s.held() == held+1 })
	t.Logf("takeover with %d held: decides again after %.1f s, %.1f s of CPU, %d MiB at most", held, time.Since(began).Seconds(), cpu(t, m.cmd.Process.Pid).Seconds(),
		status(t, m.cmd.Process.Pid, "VmHWM")>>20)
	m.stop(t)
}

// held counts the actions that the response topic holds and nobody has let go, tried or given up.
func (s *site) held() (n int) {
	s.t.Helper()
	states := map[string]uint8{}
	parts, err := s.client.Partitions(s.t.Context(), s.topic+".response")
	if err != nil {
		s.t.Fatal(err)
	}
	for p := range int32(parts) {
		_, err := s.client.Scan(s.t.Context(), s.topic+".response", p, 0, func(b *broker.Batch) error {
			for _, r := range b.Records {
				var rec struct {
					Action struct {
						ID    string `json:"action_id"`
						State uint8
					}
				}
				if err := json.Unmarshal(r.Value, &rec); err != nil {
					return err
				}
				states[rec.Action.ID] = max(states[rec.Action.ID], rec.Action.State)
			}
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	for id, state := range states {
		if id != "" && state == 2 {
			n++
		}
	}
	return n
}
