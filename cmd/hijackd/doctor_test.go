package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/enrich"
)

// examine runs doctor and returns its lines by check.
func examine(t *testing.T, config string, args ...string) (map[string][]checkup, outcome) {
	t.Helper()
	got := invoke(t, "", nil, append([]string{"doctor", "--format=jsonl", "-c", config}, args...)...)
	lines := map[string][]checkup{}
	for line := range strings.Lines(got.stdout) {
		var c checkup
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		lines[c.Check] = append(lines[c.Check], c)
	}
	return lines, got
}

func states(cs []checkup) string {
	var all []string
	for _, c := range cs {
		all = append(all, string(c.State))
	}
	return strings.Join(all, " ")
}

// A site in good health: every topic as hijackd makes it, a migrated database, fresh databases, a Slack that knows the token.
func TestDoctorFindsASiteHealthy(t *testing.T) {
	d := &desk{t: t}
	dsn := d.server()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableACLs(), kfake.EnableSASL(), kfake.Superuser("PLAIN", "ann", "letmein-CANARY"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	sasl := broker.SASL{Mechanism: "plain", Username: "ann", Password: "letmein-CANARY"}
	client, err := broker.New(broker.Config{Brokers: cluster.ListenAddrs(), SASL: sasl})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	k := KafkaConfig{Topic: "session-events", DeadLetterTopic: "session-events.dead", FindingsTopic: "session-findings", RevocationsTopic: "session-revocations"}
	for _, n := range needs(&k) {
		topic := broker.Topic{Name: n.name, Own: true, Partitions: 2, Config: map[string]string{}}
		if n.policy != "" {
			topic.Config["cleanup.policy"] = n.policy
		}
		if n.retention > 0 {
			topic.Config["retention.ms"] = fmt.Sprint(n.retention.Milliseconds())
		}
		if err := client.Ensure(t.Context(), true, []broker.Topic{topic}); err != nil {
			t.Fatal(err)
		}
	}
	grant(t, client, "User:hijackd")
	geo := t.TempDir()
	if err := writeGeoIP(geo); err != nil {
		t.Fatal(err)
	}
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/auth.test" {
			t.Errorf("doctor calls %s", r.URL.Path)
		}
		fmt.Fprint(w, `{"ok": true, "team": "x"}`)
	}))
	defer slack.Close()
	var tests int
	webhook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct{ Type string }
		if json.NewDecoder(r.Body).Decode(&m) != nil || m.Type != "webhook.test" {
			t.Errorf("doctor sends %s", m.Type)
		}
		tests++
	}))
	defer webhook.Close()
	config := write(t, "hijackd.yaml", fmt.Sprintf(`
kafka: {brokers: ['%s'], sasl: {mechanism: plain, username: ann, password_file: %q}}
clickhouse: {dsn: %q}
fingerprint: {pepper_file: %q}
geoip: {city: %q, asn: %q, anonymous: %q}
policy: {mode: enforce}
actions:
  revoke: {url: %q, secret_file: %q, allow_private: true}
  slack: {token_file: %q, channel: C1, api_url: %q}
`, cluster.ListenAddrs()[0], write(t, "password", "letmein-CANARY"), dsn, write(t, "pepper", pepper), filepath.Join(geo, "city.mmdb"), filepath.Join(geo, "asn.mmdb"),
		filepath.Join(geo, "anonymous.mmdb"), webhook.URL+"/?key=CANARY", write(t, "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjU"),
		write(t, "token", "xoxb-1-CANARY"), slack.URL+"/"))
	got, out := examine(t, config)
	for check, cs := range got {
		for _, c := range cs {
			if c.State != healthy {
				t.Errorf("%s: %+v", check, c)
			}
		}
	}
	if out.code != 0 || len(got["topic"]) != 7 || len(got["geoip"]) != 3 || len(got["slack"]) != 1 || len(got["clickhouse"]) != 1 || len(got["schema"]) != 1 || tests != 0 {
		t.Errorf("exit %d, %d tests sent: %s", out.code, tests, out.stdout)
	}
	if acl := got["acl"]; len(acl) != 1 || !strings.Contains(acl[0].Text, "User:hijackd may write session-events.signals") {
		t.Errorf("%+v", acl)
	}
	sent, all := examine(t, config, "--send")
	if states(sent["webhook"]) != "ok" || tests != 1 {
		t.Errorf("%+v, %d tests sent", sent["webhook"], tests)
	}
	webhook.Close()
	gone, failed := examine(t, config)
	if failed.code != 1 || states(gone["webhook"]) != "FAIL" {
		t.Errorf("exit %d: %+v", failed.code, gone["webhook"])
	}
	if s := out.stdout + all.stdout + failed.stdout + failed.stderr; strings.Contains(s, "CANARY") {
		t.Errorf("a secret is shown: %s", s)
	}
}

func grant(t *testing.T, c *broker.Client, principal string) {
	t.Helper()
	dialer := c.Dialer()
	admin := &kafka.Client{Addr: kafka.TCP(c.Brokers()...), Transport: &kafka.Transport{SASL: dialer.SASLMechanism}}
	resp, err := admin.CreateACLs(t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{ResourceType: kafka.ResourceTypeTopic, ResourceName: "session-events",
		ResourcePatternType: kafka.PatternTypePrefixed, Principal: principal, Host: "*", Operation: kafka.ACLOperationTypeWrite, PermissionType: kafka.ACLPermissionTypeAllow}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range resp.Errors {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Where everything is missing every check says so, one line each, and the exit code is 1.
func TestDoctorFindsWhatIsMissing(t *testing.T) {
	config := write(t, "hijackd.yaml", "kafka: {brokers: ['127.0.0.1:1']}\nclickhouse: {dsn: 'clickhouse://user:CANARY@127.0.0.1:1/x'}\npolicy: {mode: enforce, kill_switch: '"+write(t, "kill", "")+"'}\n")
	got, out := examine(t, config)
	for check, want := range map[string]string{"kafka": "FAIL", "clickhouse": "FAIL", "geoip": "warn", "pepper": "warn", "revocation": "warn", "alerts": "warn", "policy": "ok", "kill file": "warn", "topic": ""} {
		if states(got[check]) != want {
			t.Errorf("%s: %+v, want %s", check, got[check], want)
		}
	}
	if out.code != 1 || out.stderr != "hijackd: 2 checks failed\n" || strings.Contains(out.stdout, "CANARY") {
		t.Errorf("exit %d, %q, %s", out.code, out.stderr, out.stdout)
	}
	text := invoke(t, "", nil, "doctor", "-c", config)
	if !strings.Contains(text.stdout, "FAIL  kafka") || !strings.Contains(text.stdout, "→ check kafka.brokers") {
		t.Errorf("%s", text.stdout)
	}
}

func TestDoctorLooksAtTopics(t *testing.T) {
	address := os.Getenv("HIJACKD_TEST_KAFKA")
	if address == "" {
		t.Fatal("HIJACKD_TEST_KAFKA is not set: run make test")
	}
	client, err := broker.New(broker.Config{Brokers: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	name := "doctor-" + fmt.Sprint(time.Now().UnixNano())
	for _, topic := range []broker.Topic{
		{Name: name, Partitions: 3, Config: map[string]string{"cleanup.policy": "compact"}},
		{Name: name + ".signals", Partitions: 2, Config: map[string]string{"retention.ms": "3600000"}},
		{Name: name + ".response", Partitions: 3, Config: map[string]string{"retention.ms": "-1"}},
		{Name: name + ".dead"}, {Name: name + ".found"},
	} {
		topic.Own = true
		if err := client.Ensure(t.Context(), true, []broker.Topic{topic}); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := examine(t, write(t, "hijackd.yaml", fmt.Sprintf("kafka: {brokers: ['%s'], topic: %s, dead_letter_topic: %[2]s.dead, findings_topic: %[2]s.found, revocations_topic: %[2]s.revoked, create_topics: false}\n", address, name)))
	want := []struct {
		state health
		text  string
	}{
		{failing, "cleanup.policy is compact and must be delete"}, {failing, "sightings) does not exist"}, {failing, "records are kept for 1h0m0s, and must be for 7 days"},
		{failing, name + ".response has 3 partitions, and " + name + ".signals has 2"}, {healthy, "dead letters"}, {healthy, "decided findings"}, {failing, "revoked fingerprints) does not exist"},
	}
	if len(got["topic"]) != len(want) {
		t.Fatalf("%+v", got["topic"])
	}
	for i, c := range got["topic"] {
		if c.State != want[i].state || !strings.Contains(c.Text, want[i].text) || (c.State == failing) != (c.Hint != "") {
			t.Errorf("%+v, want %s %q", c, want[i].state, want[i].text)
		}
	}
	if acl := got["acl"]; states(acl) != "warn" || !strings.Contains(acl[0].Text, "the brokers check no rights") { // the surroundings' Kafka has no authorizer
		t.Errorf("%+v", acl)
	}
}

func TestDoctorKnowsHowATopicMustBe(t *testing.T) {
	const week = 7 * 24 * time.Hour
	for name, tc := range map[string]struct {
		need
		settings map[string]string
		want     string
	}{
		"as it must be":   {need{policy: "delete", retention: week}, map[string]string{"cleanup.policy": "delete", "retention.ms": "604800000"}, ""},
		"for ever":        {need{policy: "delete", retention: week}, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}, ""},
		"too short":       {need{policy: "delete", retention: week}, map[string]string{"cleanup.policy": "delete", "retention.ms": "604799999"}, "records are kept for 6 days, and must be for 7 days"},
		"compacted":       {need{policy: "delete"}, map[string]string{"cleanup.policy": "compact,delete"}, "cleanup.policy is compact,delete and must be delete"},
		"not compacted":   {need{policy: "compact"}, map[string]string{"cleanup.policy": "delete"}, "cleanup.policy is delete and must be compact"},
		"nothing is said": {need{policy: "compact", retention: week}, nil, ""},
		"nothing matters": {need{}, map[string]string{"cleanup.policy": "compact", "retention.ms": "1"}, ""},
	} {
		if got, hint := tc.wrong(tc.settings); got != tc.want || (got == "") != (hint == "") {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestDoctorKnowsWhoMayWrite(t *testing.T) {
	rule := func(name string, pattern kafka.PatternType, who string, op kafka.ACLOperationType, kind kafka.ACLPermissionType) kafka.ACLResource {
		return kafka.ACLResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: name, PatternType: pattern,
			ACLs: []kafka.ACLDescription{{Principal: "User:" + who, Host: "*", Operation: op, PermissionType: kind}}}
	}
	const write, allow, literal, prefixed = kafka.ACLOperationTypeWrite, kafka.ACLPermissionTypeAllow, kafka.PatternTypeLiteral, kafka.PatternTypePrefixed
	got := mayWrite([]kafka.ACLResource{
		rule("e.signals", literal, "d", write, allow), rule("e", prefixed, "c", kafka.ACLOperationTypeAll, allow), rule("*", literal, "b", write, allow),
		rule("e.signals", literal, "b", write, allow), rule("e.signals", literal, "reads", kafka.ACLOperationTypeRead, allow),
		rule("e.signals", literal, "denied", write, kafka.ACLPermissionTypeDeny), rule("e", literal, "app", write, allow), rule("f", prefixed, "other", write, allow),
	}, "e.signals")
	if strings.Join(got, " ") != "User:b User:c User:d" {
		t.Errorf("%v", got)
	}
}

func TestDoctorKnowsOldDatabases(t *testing.T) {
	built := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for age, want := range map[time.Duration]health{24 * time.Hour: healthy, oldDatabase: healthy, oldDatabase + time.Second: ailing} {
		var got checkup
		d := &doctor{each: func(c checkup) error { got = c; return nil }}
		d.database(enrich.Version{Name: "city", Type: "GeoLite2-City", Built: built}, built.Add(age))
		if got.State != want || !strings.Contains(got.Text, "GeoLite2-City of 2026-01-01") {
			t.Errorf("%s: %+v", age, got)
		}
	}
}

func TestDoctorOfSlackThatRefuses(t *testing.T) {
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok": false, "error": "invalid_auth"}`) }))
	defer slack.Close()
	config := write(t, "hijackd.yaml", fmt.Sprintf("kafka: {brokers: ['127.0.0.1:1']}\nclickhouse: {dsn: ''}\nactions: {slack: {token_file: %q, channel: C1, api_url: %q}}\n",
		write(t, "token", "xoxb-1-CANARY"), slack.URL))
	got, out := examine(t, config)
	if states(got["slack"]) != "FAIL" || !strings.Contains(got["slack"][0].Text, "invalid_auth") || strings.Contains(out.stdout, "CANARY") {
		t.Errorf("%+v", got["slack"])
	}
	if states(got["clickhouse"]) != "ok" || !strings.Contains(got["clickhouse"][0].Text, "embedded") {
		t.Errorf("%+v", got["clickhouse"])
	}
}
