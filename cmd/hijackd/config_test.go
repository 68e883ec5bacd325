package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/rules"
)

// contractFile is contract section 5, word for word.
const contractFile = "testdata/contract.yaml"

func TestLoadWithoutFileGivesTheDefaults(t *testing.T) {
	c, warnings, err := Load("", nil)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("Load: %v, warnings %v", err, warnings)
	}
	provider := IDPConfig{Timeout: 10 * time.Second}
	entra := provider
	entra.URL, entra.LoginURL = "https://graph.microsoft.com", "https://login.microsoftonline.com"
	want := &Config{
		Kafka: KafkaConfig{Brokers: []string{"127.0.0.1:9092"}, Topic: "session-events", Group: "hijackd", Rekey: "auto",
			DeadLetterTopic: "session-events.dead", FindingsTopic: "session-findings", RevocationsTopic: "session-revocations",
			CreateTopics: true, SessionTimeout: 10 * time.Second},
		ClickHouse:   ClickHouseConfig{DSN: "clickhouse://127.0.0.1:9000/hijackd", RetentionDays: 90},
		Fingerprint:  FingerprintConfig{KID: "k1"},
		Lateness:     10 * time.Minute,
		Rules:        rules.Default(),
		Policy:       PolicyConfig{Mode: "shadow", RevokesPerMinute: 60, RevokesPerHour: 600, RevokesPerUser: 20, PercentOfActive: 1},
		Slack:        SlackConfig{StormPerMinute: 20, Digest: "08:00"},
		Responses:    map[string]*ResponseConfig{},
		Revoke:       RevokeConfig{Timeout: 10 * time.Second},
		IDP:          [7]IDPConfig{provider, provider, provider, entra, provider, provider, provider},
		CAEP:         CAEPConfig{Subject: "complex", Timeout: 10 * time.Second},
		PagerDuty:    PagerDutyConfig{URL: "https://events.pagerduty.com", Severity: "high", Timeout: 10 * time.Second},
		Alertmanager: AlertmanagerConfig{Severity: "medium", Fires: time.Hour, Timeout: 10 * time.Second},
		Memory:       512 << 20,
		Console:      ListenConfig{"127.0.0.1:8080"},
		Admin:        ListenConfig{"127.0.0.1:9100"},
		Log:          LogConfig{"info", "json"},
		origins:      c.origins,
	}
	for _, rule := range rules.All {
		want.Responses[rule.Name] = &ResponseConfig{Action: "revoke_session"}
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%s\nwant\n%s", c, want)
	}
}

func TestContractFileIsTheDefaults(t *testing.T) {
	fromFile, warnings, err := Load(contractFile, nil)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("Load: %v, warnings %v", err, warnings)
	}
	defaults, _, _ := Load("", nil)
	if fromFile.String() != defaults.String() {
		t.Errorf("the contract's file gives\n%s\nthe defaults are\n%s", fromFile, defaults)
	}
}

// sectionsOfOurs are additions to the contract's file.
var sectionsOfOurs = []string{"rules.", "actions.revoke.ca_file", "actions.revoke.cert_file", "actions.revoke.key_file", "actions.keycloak.", "actions.auth0.",
	"actions.okta.", "actions.entra.", "actions.kratos.", "actions.zitadel.", "actions.authentik.", "api.", "actions.caep.", "actions.pagerduty.", "actions.alertmanager.",
	"actions.slack.user_group", "actions.slack.signing_secret_file", "actions.slack.webhook_url_file", "actions.slack.storm_per_minute", "actions.slack.digest",
	"policy.limits.revokes_per_user_per_hour", "policy.kill_switch"}

func TestContractFileHoldsEveryKey(t *testing.T) {
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	l := loader{origins: origins{contractFile, map[string]Problem{}}, keys: new(Config).keys()}
	l.readYAML(text)
	for _, k := range l.keys {
		added := slices.ContainsFunc(sectionsOfOurs, func(s string) bool { return strings.HasPrefix(k.path, s) })
		if _, ok := l.set[k.path]; !ok && !added {
			t.Errorf("%s is a key of ours and not of the contract", k.path)
		}
	}
}

func TestLoadErrorsNameKeyAndLine(t *testing.T) {
	for name, tc := range map[string]struct{ yaml, want string }{
		"unknown key":         {"kafka:\n  broker: [a:1]\n", "hijackd.yaml:2: kafka.broker: unknown key, did you mean kafka.brokers?"},
		"unknown section":     {"\npolicies:\n  mode: off\n", "hijackd.yaml:2: policies: unknown key, did you mean policy?"},
		"unknown, far off":    {"xyzzy: 1\n", "hijackd.yaml:1: xyzzy: unknown key"},
		"unknown rule":        {"rules:\n  imposible-travel: {mode: off}\n", "hijackd.yaml:2: rules.imposible-travel: unknown key, did you mean rules.impossible-travel?"},
		"section is a scalar": {"kafka: yes\n", "hijackd.yaml:1: kafka: want a mapping of keys, got text"},
		"list for text":       {"kafka:\n  topic: [a]\n", "hijackd.yaml:2: kafka.topic: want text, got a list"},
		"number for text":     {"kafka:\n  group: 7\n", "hijackd.yaml:2: kafka.group: want text, got a number; put it in quotes"},
		"text for a list":     {"kafka:\n  brokers: a:1\n", "hijackd.yaml:2: kafka.brokers: want a list such as [a, b], got text"},
		"empty list":          {"kafka:\n  brokers: []\n", "hijackd.yaml:2: kafka.brokers: is empty"},
		"bad item":            {"kafka:\n  brokers:\n    - a:1\n    - b\n", `hijackd.yaml:4: kafka.brokers: "b" is no address such as 127.0.0.1:9092`},
		"text for a number":   {"clickhouse:\n  retention_days: many\n", "hijackd.yaml:2: clickhouse.retention_days: want a whole number, got text"},
		"out of range":        {"clickhouse: {retention_days: 0}\n", "hijackd.yaml:1: clickhouse.retention_days: 0 is outside 1 to 3650"},
		"duration unitless":   {"lateness: 10\n", "hijackd.yaml:1: lateness: want a duration with its unit, such as 10s or 5m"},
		"duration range":      {"lateness: 48h\n", "hijackd.yaml:1: lateness: 48h is outside 0s to 24h"},
		"size":                {"limits: {memory: lots}\n", "hijackd.yaml:1: limits.memory: want a size such as 512MiB"},
		"size range":          {"limits: {memory: 1MiB}\n", "hijackd.yaml:1: limits.memory: 1MiB is outside 64MiB to 1024GiB"},
		"mode":                {"policy:\n  mode: enforced\n", `hijackd.yaml:2: policy.mode: "enforced" is none of off, shadow, alert, enforce`},
		"boolean":             {"kafka: {create_topics: yes}\n", "hijackd.yaml:1: kafka.create_topics: want true or false, got text"},
		"percentage":          {"policy: {limits: {percent_of_active: 101%}}\n", "hijackd.yaml:1: policy.limits.percent_of_active: 101 is outside 0 to 100"},
		"network":             {"policy:\n  trusted_networks:\n    - 10.0.0.1/8\n", `hijackd.yaml:3: policy.trusted_networks: "10.0.0.1/8" is no network such as 192.0.2.0/24`},
		"dsn":                 {"clickhouse:\n  dsn: mysql://u:hunter2@h/d\n", "hijackd.yaml:2: clickhouse.dsn: is no URL that begins with clickhouse:// or clickhouses:// or http:// or https:// or tcp://"},
		"twice":               {"lateness: 1m\nlateness: 2m\n", "hijackd.yaml:2: lateness: is set twice, first in line 1"},
		"missing file":        {"fingerprint:\n  pepper_file: testdata/none\n", "hijackd.yaml:2: fingerprint.pepper_file: testdata/none: no such file or directory"},
		"missing database":    {"geoip: {city: testdata/none.mmdb}\n", "hijackd.yaml:1: geoip.city: testdata/none.mmdb: no such file or directory"},
		"directory":           {"geoip: {city: testdata}\n", "hijackd.yaml:1: geoip.city: is no regular file"},
		"unsigned":            {"actions:\n  revoke: {url: 'https://a.example/'}\n", "hijackd.yaml:2: actions.revoke.secret_file: missing; it holds the whsec_ secret that the receiver verifies"},
		"webhook secret":      {"actions:\n  revoke:\n    url: 'https://a.example/'\n    secret_file: testdata/pepper\n", "hijackd.yaml:4: actions.revoke.secret_file: secret 1 does not begin with whsec_ or whsk_"},
		"rule setting":        {"rules:\n  impossible-travel:\n    max_kmh: fast\n", "hijackd.yaml:3: rules.impossible-travel.max_kmh: want a number, got text"},
		"topics":              {"kafka:\n  topic: t\n  findings_topic: t\n", "hijackd.yaml:3: kafka.findings_topic: is the same topic as kafka.topic"},
		"topic name":          {"kafka:\n  topic: a b\n", `hijackd.yaml:2: kafka.topic: "a b" is no topic name: letters, digits, '.', '_' and '-', at most 240`},
		"alias":               {"kafka: &k\n  topic: a\n", "hijackd.yaml:1: anchors and aliases are not supported"},
		"two documents":       {"lateness: 1m\n---\nlateness: 2m\n", "hijackd.yaml:3: holds more than one YAML document"},
		"no mapping":          {"- a\n", "hijackd.yaml:1: want a mapping of keys, got a list"},
		"nested":              {strings.Repeat("[", 200), "hijackd.yaml:1: is nested too deeply"},
		"raw token":           {"policy: {never_revoke: {tokens: [hunter2]}}\n", "hijackd.yaml:1: policy.never_revoke.tokens: an item is no fingerprint (h1:…, sha256:… or id:…)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseConfig("hijackd.yaml", []byte(tc.yaml), nil)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestLoadReportsSyntaxWithItsLine(t *testing.T) {
	_, _, err := parseConfig("hijackd.yaml", []byte("kafka:\n  topic: \"hunter2\n"), nil)
	if err == nil || !strings.HasPrefix(err.Error(), "hijackd.yaml:2: is no YAML") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestLoadReportsEveryProblem(t *testing.T) {
	_, _, err := parseConfig("f", []byte("lateness: 1\nlog: {level: loud}\n"), []string{"HIJACKD_KAFKA_BROKERS=x"})
	want := "f:1: lateness: want a duration with its unit, such as 10s or 5m\n" +
		`f:2: log.level: "loud" is none of debug, info, warn, error` + "\n" +
		`environment: HIJACKD_KAFKA_BROKERS: "x" is no address such as 127.0.0.1:9092`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestEnvironmentWins(t *testing.T) {
	c, warnings, err := parseConfig("f", []byte("lateness: 1m\n"), []string{
		"HIJACKD_LATENESS=2m",
		"HIJACKD_KAFKA_BROKERS=a:1, b:2",
		"HIJACKD_LIMITS_MEMORY=1GiB",
		"HIJACKD_CLICKHOUSE_DSN=",
		"HIJACKD_POLICY_TRUSTED_NETWORKS=192.0.2.0/24,2001:db8::1",
		"HIJACKD_POLICY_LIMITS_PERCENT_OF_ACTIVE=2.5%",
		"HIJACKD_RULES_IMPOSSIBLE_TRAVEL_MAX_KMH=900",
		"HIJACKD_FINGERPRINT_PEPPER=0123456789abcdef0123456789abcdef",
		"HIJACKD_TEST_KAFKA=x", "HIJACKD_CACHE=x", "HIJACKD_LIBCHDB=x", "OTHER=x",
		"HIJACKD_KAFKA_BROKER=c:3",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || warnings[0].String() != "environment: HIJACKD_KAFKA_BROKER: unknown variable, did you mean HIJACKD_KAFKA_BROKERS?" {
		t.Errorf("warnings: %v", warnings)
	}
	switch {
	case c.Lateness != 2*time.Minute,
		!reflect.DeepEqual(c.Kafka.Brokers, []string{"a:1", "b:2"}),
		c.Memory != 1<<30,
		c.ClickHouse.DSN != "",
		!reflect.DeepEqual(c.Policy.TrustedNetworks, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")}),
		c.Policy.PercentOfActive != 2.5,
		c.Rules["impossible-travel"].Float("max_kmh") != 900,
		c.Fingerprint.Pepper.Reveal() != "0123456789abcdef0123456789abcdef":
		t.Errorf("got\n%s", c)
	}
}

func TestVariablesAreDistinct(t *testing.T) {
	seen := map[string]string{}
	for _, k := range new(Config).keys() {
		names := []string{variableOf(k.path)}
		if _, ok := k.value.(fileValue); ok {
			names = append(names, strings.TrimSuffix(names[0], "_FILE"))
		}
		for _, name := range names {
			if other := seen[name]; other != "" {
				t.Errorf("%s belongs to %s and to %s", name, other, k.path)
			}
			seen[name] = k.path
		}
	}
}

func TestEverySecretFileHasAVariable(t *testing.T) {
	for _, k := range new(Config).keys() {
		if _, ok := k.value.(fileValue); ok != strings.HasSuffix(k.path, "_file") {
			t.Errorf("%s: a key ends in _file if and only if it names a file whose content the environment may hold", k.path)
		}
	}
}

func TestSecretsNeverShow(t *testing.T) {
	const webhookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	const canary = "hunter2-0123456789abcdef0123456789"
	file := filepath.Join(t.TempDir(), "pepper")
	if err := os.WriteFile(file, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := parseConfig("f", []byte("clickhouse: {dsn: 'clickhouse://u:"+canary+"@h:9000/d?password="+canary+"'}\nfingerprint: {pepper_file: '"+file+"'}\n"), []string{
		"HIJACKD_ACTIONS_REVOKE_URL=https://u:" + canary + "@h.example/?key=" + canary, "HIJACKD_ACTIONS_REVOKE_SECRET=" + webhookSecret,
		"HIJACKD_ACTIONS_SLACK_TOKEN=" + canary, "HIJACKD_ACTIONS_SLACK_CHANNEL=c",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Fingerprint.Pepper.Reveal() != canary || c.Revoke.Secret.Reveal() != webhookSecret {
		t.Error("the secrets were not read")
	}
	canaries := []string{canary, fmt.Sprintf("%x", canary), webhookSecret, fmt.Sprintf("%x", webhookSecret)}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("pointer", c), slog.Any("value", *c), slog.Any("file", c.Fingerprint.Pepper))
	for _, s := range []string{
		fmt.Sprint(c), fmt.Sprintf("%v %+v %#v %s %q %d", *c, *c, *c, *c, *c, *c), fmt.Sprintf("%+v %#v", c, c), string(asJSON), log.String(),
		fmt.Sprintf("%v %+v %#v %s %x", c.Revoke.Secret, c.Revoke.Secret, c.Revoke.Secret, c.Revoke.Secret, c.Revoke.Secret),
		fmt.Sprintf("%v %+v %#v", c.Slack, c.Fingerprint, c.Slack),
	} {
		for _, secret := range canaries {
			if strings.Contains(s, secret) {
				t.Errorf("a secret shows in %s", s)
			}
		}
	}
}

func TestSecretTwiceIsAnError(t *testing.T) {
	_, _, err := parseConfig("f", nil, []string{"HIJACKD_FINGERPRINT_PEPPER=a", "HIJACKD_FINGERPRINT_PEPPER_FILE=testdata/contract.yaml"})
	if want := "environment: HIJACKD_FINGERPRINT_PEPPER: is set, and so is HIJACKD_FINGERPRINT_PEPPER_FILE"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestPendingKeysWarn(t *testing.T) {
	_, warnings, err := parseConfig("f", []byte("kafka: {rekey: always}\nconsole: {listen: '127.0.0.1:8081'}\nrules:\n  beacon: {mode: off, max_jitter: 0.2}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range warnings {
		head, _, _ := strings.Cut(w.String(), ": ")
		key, _, _ := strings.Cut(strings.TrimPrefix(w.String(), head+": "), ":")
		got = append(got, head+" "+key)
	}
	want := []string{"f:2 console.listen"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzConfig feeds the loader: it must not panic, and either fails with problems that name the file or gives a Config whose printed
// form loads again to the same.
func FuzzConfig(f *testing.F) {
	contract, err := os.ReadFile(contractFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(contract)
	for _, s := range []string{"", "a", "kafka:\n  brokers: [a:1, 'b:2']", "lateness: 1h # x", "rules: {beacon: {mode: off}}", "{", "- - - -", "a: &b {c: *b}",
		"x: !!binary a", "? a\n: b", "a: |\n  b\n", "<<: {a: b}", "\x00", "%YAML 1.1\n---\n", "kafka:\n\ttopic: a", "kafka: {group: '7'}", "kafka: {group: 'null', topic: 'true'}", "kafka: {group: '0x1f', topic: '.5'}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > maxConfigBytes {
			return
		}
		c, _, err := parseConfig("f", text, nil)
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if strings.HasPrefix(line, "f:0") {
					t.Errorf("a problem without a line: %s", line)
				}
			}
			return
		}
		var flat strings.Builder
		for _, k := range c.bound() {
			if s := k.value.String(); s != "" && s != `""` && k.path != "clickhouse.dsn" && k.path != "actions.revoke.url" && k.path != "actions.slack.api_url" {
				fmt.Fprintf(&flat, "%s: %s\n", k.path, s)
			}
		}
		again, _, err := parseConfig("f", []byte(flat.String()), nil)
		if err != nil {
			t.Fatalf("what it prints does not load: %v\n%s", err, flat.String())
		}
		again.ClickHouse.DSN, again.Revoke.URL, again.Slack.APIURL = c.ClickHouse.DSN, c.Revoke.URL, c.Slack.APIURL
		if again.String() != c.String() {
			t.Errorf("got\n%s\nwant\n%s", again, c)
		}
	})
}
