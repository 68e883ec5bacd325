package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hijackd/hijackd/schema"
)

func TestOrdersThatAreRefused(t *testing.T) {
	d := heldDesk(t, false)
	const raw = "eyJhbGciOi.CANARY.raw"
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no reason":           {[]string{"held", "release", "act_1"}, 2, "missing flags: --why=REASON"},
		"blank reason":        {[]string{"held", "release", "act_1", "--why= "}, 2, "--why says nothing"},
		"nothing named":       {[]string{"held", "release", "--why=x"}, 2, "Name ids"},
		"tenant alone":        {[]string{"held", "discard", "--tenant=a", "--why=x"}, 2, "Name ids"},
		"ids and filters":     {[]string{"held", "release", "act_1", "--all", "--why=x"}, 2, "either ids or filters"},
		"not held":            {[]string{"held", "release", "act_1", "act_4", "--why=x"}, 1, "in another state or unknown: act_4"},
		"nothing fits":        {[]string{"held", "release", "--user=nobody", "--why=x"}, 1, "nothing that fits is held"},
		"raw token":           {[]string{"revoke", raw, "--why=x"}, 2, "hijackd fingerprint"},
		"raw token again":     {[]string{"revoke", "again", "h1:k1:0123456789012345678901", raw, "--why=x"}, 2, "token 2 is not a fingerprint"},
		"nothing to revoke":   {[]string{"revoke", "--why=x"}, 2, "either fingerprints or --user"},
		"retry of unknown":    {[]string{"revoke", "retry", "act_1", "--why=x"}, 1, "unknown: act_1"},
		"user, no server":     {[]string{"revoke", "--user=u-1", "--yes", "--why=x"}, 1, "looked up in ClickHouse"},
		"allow without end":   {[]string{"allow", "add", "--user=u-1", "--why=x"}, 2, "missing flags: --for=TIME"},
		"allow everything":    {[]string{"allow", "add", "--for=1d", "--why=x"}, 2, "Name at least one"},
		"allow for long":      {[]string{"allow", "add", "--user=u", "--for=400d", "--why=x"}, 2, "more than a year"},
		"allow a bad rule":    {[]string{"allow", "add", "--rule=impossible-travle", "--for=1d", "--why=x"}, 2, "there is no rule"},
		"allow a bad net":     {[]string{"allow", "add", "--network=10.0.0/8", "--for=1d", "--why=x"}, 2, "--network: neither"},
		"allow the world":     {[]string{"allow", "add", "--network=0.0.0.0/0", "--for=1d", "--why=x"}, 2, "larger than"},
		"allow raw token":     {[]string{"allow", "add", "--token=" + raw, "--for=1d", "--why=x"}, 2, "is not a fingerprint"},
		"allow a bad time":    {[]string{"allow", "add", "--user=u", "--for=soon", "--why=x"}, 2, "not a length of time"},
		"allow a country":     {[]string{"allow", "add", "--country=France", "--for=1d", "--why=x"}, 2, "not two letters"},
		"allow a browser":     {[]string{"allow", "add", "--ua=Firefox", "--for=1d", "--why=x"}, 2, "not of the form"},
		"remove of unknown":   {[]string{"allow", "remove", "alw_1", "--why=x"}, 1, "no entry alw_1 in force"},
		"kill without reason": {[]string{"kill", "on"}, 2, "missing flags: --why=REASON"},
	} {
		t.Run(name, func(t *testing.T) {
			got := d.run(tc.args...)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.want) || got.stdout != "" {
				t.Errorf("exit %d, %q, %q; want %d, %q", got.code, got.stdout, got.stderr, tc.code, tc.want)
			}
			if strings.Contains(got.stdout+got.stderr, "CANARY") {
				t.Error("a raw token is shown")
			}
		})
	}
	if given := d.orders(); len(given) != 0 {
		t.Errorf("%v was ordered", given)
	}
}

func TestNoBroker(t *testing.T) {
	config := write(t, "hijackd.yaml", "kafka: {brokers: ['127.0.0.1:1']}\n")
	if got := invoke(t, "", nil, "kill", "on", "--why=x", "-c", config); got.code != 1 || !strings.Contains(got.stderr, "no broker answers") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	config = write(t, "hijackd.yaml", "kafka: {brokers: ['"+cluster.ListenAddrs()[0]+"'], topic: none}\n")
	if got := invoke(t, "", nil, "kill", "on", "--why=x", "-c", config); got.code != 1 || !strings.Contains(got.stderr, "topic none.signals does not exist") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

func TestLargeOrdersAreSplit(t *testing.T) {
	whole := schema.Command{ID: "cmd_1", Verb: schema.Release, Actions: make([]string, 2*actionsPerCommand+1)}
	for i := range whole.Actions {
		whole.Actions[i] = fmt.Sprint("act_", i)
	}
	parts := split(whole)
	var back []string
	ids := map[string]bool{}
	for _, c := range parts {
		back = append(back, c.Actions...)
		ids[c.ID] = true
		if len(c.Actions) > actionsPerCommand {
			t.Errorf("%d actions", len(c.Actions))
		}
	}
	if !slices.Equal(back, whole.Actions) || len(ids) != 3 || !ids["cmd_1"] {
		t.Errorf("%d parts, %d ids, %d actions", len(parts), len(ids), len(back))
	}
}

func TestOperator(t *testing.T) {
	p := &process{environ: []string{"SUDO_USER=ann"}}
	if by := p.operator(); !strings.HasPrefix(by, "ann as ") || !strings.Contains(by, "@") {
		t.Error(by)
	}
	if by := (&process{}).operator(); by == "" || strings.HasPrefix(by, "@") {
		t.Error(by)
	}
}
