package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

// An order waits for its answer in the response log, in every lane that it was for.
func TestOrdersSayWhatBecameOfThem(t *testing.T) {
	for name, tc := range map[string]struct {
		args    []string
		refused []string // an answer each; empty: obeyed
		code    int
		stdout  string
		stderr  string
	}{
		"obeyed":        {[]string{"held", "release", "--all", "--tenant=", "--why=x"}, []string{"", ""}, 0, "obeyed\n", ""},
		"in part":       {[]string{"held", "release", "--all", "--tenant=", "--why=x"}, []string{"", "it is delivered"}, 0, "refused: act_0: it is delivered\nobeyed\n", ""},
		"refused":       {[]string{"revoke", tokenA, "--why=x"}, []string{"already revoked: order again"}, 1, "refused: act_0: already revoked: order again\n", "hijackd: the order was refused\n"},
		"off already":   {[]string{"kill", "off", "--why=x"}, []string{"it is off already"}, 0, "it is off already\n", ""},
		"in every lane": {[]string{"kill", "on", "--why=x"}, []string{""}, 0, "obeyed\n", ""},
		"no answer":     {[]string{"allow", "add", "--user=u", "--for=1h", "--why=x", "--wait=300ms"}, nil, 0, "", "no answer within 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			d := heldDesk(t, false)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); d.answer(ctx, tc.refused) }()
			if !slices.Contains(tc.args, "--wait=300ms") {
				tc.args = append(tc.args, "--wait=30s")
			}
			got := d.run(tc.args...)
			stop()
			<-done
			if got.code != tc.code || !strings.HasSuffix(got.stdout, tc.stdout) || !strings.Contains(got.stderr, tc.stderr) {
				t.Errorf("exit %d, %q, %q; want %d, %q, %q", got.code, got.stdout, got.stderr, tc.code, tc.stdout, tc.stderr)
			}
		})
	}
}

// answer is the lanes: it answers every command that comes.
func (d *desk) answer(ctx context.Context, refused []string) {
	next := map[int32]int64{}
	for ctx.Err() == nil && len(refused) > 0 {
		for lane := range int32(deskLanes) {
			next[lane], _ = broker.Log{Client: d.client, Topic: "session-events.signals", Partition: lane}.Read(ctx, next[lane], func(r *schema.Record) error {
				var s schema.Signal
				if err := json.Unmarshal(r.Value, &s); err != nil {
					return err
				}
				var answers []map[string]any
				for _, why := range refused {
					answers = append(answers, map[string]any{"about": "act_0", "refused": why})
				}
				d.logs(lane, 9, map[string]any{"command": map[string]any{"command": s.Command, "answers": answers}})
				return nil
			})
		}
		time.Sleep(10 * time.Millisecond)
	}
}
