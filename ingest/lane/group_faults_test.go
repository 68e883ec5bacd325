package lane

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hijackd/hijackd/ingest/broker"
)

// virtual is a world in a bubble: Kafka, network and time are the test's own.
func virtual(t *testing.T, brokers int, story func(w *world, c *kfake.Cluster)) {
	synctest.Test(t, func(t *testing.T) {
		var network kfake.VirtualNetwork
		ports := []int{9001, 9002, 9003}[:brokers]
		c, err := kfake.NewCluster(kfake.NumBrokers(brokers), kfake.Ports(ports...), kfake.ListenFn(network.Listen))
		must(t, err)
		client, err := broker.New(broker.Config{Brokers: c.ListenAddrs()[:1], Dial: network.DialContext})
		must(t, err)
		w := worldOf(t, client)
		story(w, c)
		client.Close()
		c.Close()
		time.Sleep(time.Minute) // timers of closed connections
	})
}

func TestLanesLiveThroughFaultsOfTheGroup(t *testing.T) {
	for name, fault := range map[string]kfake.Fault{
		"the commit times out and is applied": {Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RequestTimedOut, Count: 5},
		"the commit goes to another":          {Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.NotCoordinator, Count: 3},
		"the commit is of a past generation":  {Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.IllegalGeneration, Count: 2},
		"heartbeats fail":                     {Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.NotCoordinator, TopLevel: true, Count: 3},
		"a rebalance":                         {Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.RebalanceInProgress, TopLevel: true, Count: 3},
		"the member is forgotten":             {Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, TopLevel: true, Count: 2},
		"joins fail":                          {Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.CoordinatorLoadInProgress, TopLevel: true, Count: 3},
		"syncs fail":                          {Keys: []kmsg.Key{kmsg.SyncGroup}, Err: kerr.RebalanceInProgress, TopLevel: true, Count: 2},
		"fetches fail":                        {Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, Count: 30},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, 1, func(w *world, c *kfake.Cluster) {
				h := c.Fault(fault)
				leave := w.join()
				w.round(1)
				time.Sleep(10 * time.Second)
				w.round(2)
				w.round(3)
				w.complete()
				leave()
				if h.Hits() == 0 {
					t.Error("the fault never happened")
				}
				if fault.Keys[0] == kmsg.OffsetCommit && fault.Err != kerr.IllegalGeneration {
					w.once() // a commit that must wait is no reason to begin again
				}
			})
		})
	}
}

// To begin at a default would read everything again, or nothing that came meanwhile.
func TestALaneThatCannotLearnItsCommitDoesNotBegin(t *testing.T) {
	virtual(t, 1, func(w *world, c *kfake.Cluster) {
		w.round(1)
		leave := w.join()
		for p := range int32(len(w.tables)) {
			await(t, "the first round", func() bool { return w.committed(p) == perRound })
		}
		leave()
		w.seen = map[string]int{}
		// Of the two requests for it, the group's own is of version 1.
		h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit, Count: -1,
			When: func(r kmsg.Request) bool { return r.GetVersion() != 1 }})
		leave = w.join()
		time.Sleep(30 * time.Second)
		w.pub.mu.Lock()
		if len(w.seen) != 0 {
			t.Errorf("read %d records without knowing where to begin", len(w.seen))
		}
		w.pub.mu.Unlock()
		h.Remove()
		w.round(2)
		w.round(3)
		w.complete()
		leave()
		w.once()
	})
}

func TestTheCoordinatorMoves(t *testing.T) {
	virtual(t, 3, func(w *world, c *kfake.Cluster) {
		leave := w.join()
		for n := 1; n <= 3; n++ {
			w.round(n)
			c.RehashCoordinators()
			c.ShufflePartitionLeaders()
			time.Sleep(8 * time.Second)
		}
		w.complete()
		leave()
	})
}

func TestTwentyJoinsAndLeavesLoseNothingAndRepeatNothing(t *testing.T) {
	virtual(t, 1, func(w *world, c *kfake.Cluster) {
		var members []func()
		for n := range 20 {
			if len(members) > 2 || n%3 == 2 {
				members[0]()
				members = members[1:]
			} else {
				members = append(members, w.join())
			}
			if n%7 == 0 {
				w.round(1 + n/7)
			}
			time.Sleep(time.Duration(n%5) * time.Second)
		}
		w.complete()
		for _, leave := range members {
			leave()
		}
		w.once()
	})
}

// A member that is told to stop finishes what it has in hand, and only that.
func TestAStopInMidBatchRepeatsNothing(t *testing.T) {
	virtual(t, 1, func(w *world, c *kfake.Cluster) {
		w.fetch, w.slow = 1, 10*time.Millisecond // a batch is a round and takes half a second
		for n := 1; n <= 3; n++ {
			w.round(n)
		}
		leave := w.join()
		time.Sleep(200 * time.Millisecond)
		leave()
		total := int64(0)
		for p := range int32(len(w.tables)) {
			total += max(0, w.committed(p))
		}
		if n := int64(len(w.seen)); n == 0 || n == int64(3*perRound*len(w.tables)) || total != n {
			t.Errorf("%d records were read and %d committed", n, total)
		}
		leave = w.join()
		w.complete()
		leave()
		w.once()
	})
}

func TestAddedPartitionsAreOwned(t *testing.T) {
	virtual(t, 1, func(w *world, c *kfake.Cluster) {
		w.tables = append(w.tables, &table{rows: map[string]toy{}}, &table{rows: map[string]toy{}})
		leave := w.join()
		time.Sleep(5 * time.Second)
		w.addPartitions(6)
		time.Sleep(10 * time.Second)
		for n := 1; n <= 3; n++ {
			w.round(n)
		}
		w.complete()
		leave()
	})
}

func TestATopicMadeAnewIsReadFromItsBeginning(t *testing.T) {
	virtual(t, 1, func(w *world, c *kfake.Cluster) {
		leave := w.join()
		for n := range 3 {
			w.round(10 + n)
		}
		w.complete()
		w.recreate(len(w.tables))
		time.Sleep(10 * time.Second)
		for _, tab := range w.tables { // what the old topic's rows would hide
			tab.mu.Lock()
			clear(tab.rows)
			tab.mu.Unlock()
		}
		for n := 1; n <= 3; n++ {
			w.round(n)
		}
		w.complete()
		leave()
	})
}

const perRound = 50

// round sends each key of each partition its nth event; the third completes a finding.
func (w *world) round(n int) {
	w.t.Helper()
	for p := range int32(len(w.tables)) {
		var vs []string
		for k := range perRound {
			vs = append(vs, fmt.Sprintf("key-%d-%d %d", p, k, n))
		}
		for {
			// The broker may have moved the partition: a member of the test's own tries again.
			if err := w.client.Produce(w.t.Context(), w.topic, p, messages(vs)); err == nil {
				break
			}
		}
	}
}

func messages(values []string) (ms []broker.Message) {
	for _, v := range values {
		ms = append(ms, broker.Message{Value: []byte(v)})
	}
	return ms
}

// complete waits until all is committed, then looks at whether all was found and stored.
func (w *world) complete() {
	w.t.Helper()
	for p := range int32(len(w.tables)) {
		await(w.t, "everything is committed", func() bool {
			_, next, err := w.client.Bounds(w.t.Context(), w.topic, p)
			return err == nil && next >= 3*perRound && w.committed(p) == next
		})
	}
	var want []string
	for p := range len(w.tables) {
		for k := range perRound {
			want = append(want, fmt.Sprintf("found: found key-%d-%d", p, k))
		}
		if n := len(w.tables[p].rows); n != 3*perRound {
			w.t.Errorf("partition %d: %d rows stored, want %d", p, n, 3*perRound)
		}
	}
	slices.Sort(want)
	w.pub.mu.Lock()
	got := slices.Clone(w.pub.outs)
	w.pub.mu.Unlock()
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		w.t.Errorf("published %d different findings, want %d", len(got), len(want))
	}
}

// once checks that no record was read twice.
func (w *world) once() {
	w.t.Helper()
	w.pub.mu.Lock()
	defer w.pub.mu.Unlock()
	twice := 0
	for _, n := range w.seen {
		if n > 1 {
			twice++
		}
	}
	if twice > 0 {
		w.t.Errorf("%d of %d records were read more than once", twice, len(w.seen))
	}
}

func newName(prefix string) string { return prefix + strings.ToLower(rand.Text()[:8]) }
