package main

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/ingest/fingerprint"
)

// key is one configuration key. The table of them is the whole schema: the loader, the environment, the documentation and what a
// Config prints are made from it.
type key struct {
	path  string
	def   string // the default, as the environment variable would give it
	value value
	doc   string
	// alike is the path that the documentation shows once for keys that every rule has, such as rules.*.response.
	alike string
	// pending says what a value other than the default does not do yet.
	pending string
	initial string // the default as the value prints it
}

// keys fills in the defaults and returns the table.
func (c *Config) keys() []key {
	table := c.bound()
	for i, k := range table {
		if k.def != "" {
			if err := k.value.set(node{kind: nodeVariable, text: k.def}); err != nil {
				panic(fmt.Sprintf("default of %s: %v", k.path, err)) // a test loads an empty file
			}
		}
		table[i].initial = k.value.String()
	}
	return table
}

// bound is the table over c as it is.
func (c *Config) bound() []key {
	table := []key{
		{path: "kafka.brokers", def: "127.0.0.1:9092", value: texts(&c.Kafka.Brokers, "host:port", false, hostPort), doc: "Brokers to ask first; the others are learned from them."},
		{path: "kafka.topic", def: "session-events", value: text(&c.Kafka.Topic, topicName), doc: "The topic of the session events."},
		{path: "kafka.group", def: "hijackd", value: text(&c.Kafka.Group, notBlank), doc: "The consumer group. Members of one group share the work."},
		{path: "kafka.rekey", def: "auto", value: oneOf(&c.Kafka.Rekey, "auto", "always", "never"), doc: "Whether to copy the events to a topic keyed by token: where they aren't (auto), always, or never."},
		{path: "kafka.dead_letter_topic", def: "session-events.dead", value: text(&c.Kafka.DeadLetterTopic, topicName), doc: "Where reasons and positions of unreadable records go, never their content."},
		{path: "kafka.findings_topic", def: "session-findings", value: text(&c.Kafka.FindingsTopic, topicName), doc: "Where decided findings go."},
		{path: "kafka.revocations_topic", def: "session-revocations", value: text(&c.Kafka.RevocationsTopic, topicName), doc: "Where revoked fingerprints go; compacted, for apps that keep a deny-list."},
		{path: "kafka.create_topics", def: "true", value: flagValue{&c.Kafka.CreateTopics}, doc: "Create hijackd's own topics where they are missing; else say which commands do."},
		{path: "kafka.session_timeout", def: "10s", value: durationValue{&c.Kafka.SessionTimeout, 6 * time.Second, 30 * time.Minute}, doc: "How long a silent member keeps its partitions. The broker has limits of its own (group.min.session.timeout.ms)."},
		{path: "kafka.tls.enabled", def: "false", value: flagValue{&c.Kafka.TLS.Enabled}, doc: "Speak TLS to the brokers."},
		{path: "kafka.tls.ca_file", value: fileValue{&c.Kafka.TLS.CA}, doc: "PEM file of the authorities to trust; empty: the system's."},
		{path: "kafka.tls.cert_file", value: fileValue{&c.Kafka.TLS.Cert}, doc: "PEM file of the client's certificate."},
		{path: "kafka.tls.key_file", value: fileValue{&c.Kafka.TLS.Key}, doc: "PEM file of the client's key."},
		{path: "kafka.sasl.mechanism", value: oneOf(&c.Kafka.SASL.Mechanism, "", "plain", "scram-sha-256", "scram-sha-512"), doc: "How to log in; empty: not at all."},
		{path: "kafka.sasl.username", value: text(&c.Kafka.SASL.Username, notBlank), doc: "The user to log in as."},
		{path: "kafka.sasl.password_file", value: fileValue{&c.Kafka.SASL.Password}, doc: "File that holds the password; line breaks at its end are removed."},

		{path: "clickhouse.dsn", def: "clickhouse://127.0.0.1:9000/hijackd", value: location(&c.ClickHouse.DSN, "clickhouse", "clickhouses", "http", "https", "tcp"), doc: "ClickHouse's native or HTTP interface; empty: the embedded engine."},
		{path: "clickhouse.cluster", value: text(&c.ClickHouse.Cluster, clusterName), doc: "Name for ON CLUSTER and Replicated engines; empty: a single server."},
		{path: "clickhouse.retention_days", def: "90", value: intValue{&c.ClickHouse.RetentionDays, 1, 3650}, doc: "Days that events, findings and actions are kept."},

		{path: "geoip.city", value: database(&c.GeoIP.City), doc: "A City database (.mmdb). Without one only events that bring their own `geo` have a place."},
		{path: "geoip.asn", value: database(&c.GeoIP.ASN), doc: "An ASN database (.mmdb)."},
		{path: "geoip.anonymous", value: database(&c.GeoIP.Anonymous), doc: "An Anonymous IP database (.mmdb)."},

		{path: "fingerprint.pepper_file", value: fileValue{&c.Fingerprint.Pepper}, doc: "File that holds the pepper, at least 32 bytes; line breaks at its end are removed, `hex:` and `base64:` in front mean it is decoded."},
		{path: "fingerprint.kid", def: "k1", value: text(&c.Fingerprint.KID, kid), doc: "The pepper's name inside `h1:` fingerprints."},

		{path: "lateness", def: "10m", value: durationValue{&c.Lateness, 0, 24 * time.Hour}, doc: "How late an event may arrive and still be judged as if it had been in time."},

		{path: "policy.mode", def: "shadow", value: oneOf(&c.Policy.Mode, rules.Modes...), doc: "The most that any rule may do."},
		{path: "policy.limits.revokes_per_minute", def: "60", value: intValue{&c.Policy.RevokesPerMinute, 0, 1_000_000}, doc: "Revocations per tenant in any minute; what is beyond is held."},
		{path: "policy.limits.revokes_per_hour", def: "600", value: intValue{&c.Policy.RevokesPerHour, 0, 10_000_000}, doc: "Revocations per tenant in any hour; what is beyond is held."},
		{path: "policy.limits.revokes_per_user_per_hour", def: "20", value: intValue{&c.Policy.RevokesPerUser, 0, 1_000_000}, doc: "Responses to one user's sessions in any hour; what is beyond is held."},
		{path: "policy.limits.percent_of_active", def: "1", value: numberValue{&c.Policy.PercentOfActive, 0, 100, true}, doc: "Revocations per hour as a share of the tenant's tokens active in the last hour; never binding below 10."},
		{path: "policy.never_revoke.users", value: texts(&c.Policy.NeverUsers, "users", true, notBlank), doc: "Users whose sessions are never revoked."},
		{path: "policy.never_revoke.tokens", value: texts(&c.Policy.NeverTokens, "fingerprints", true, fingerprintForm), doc: "Fingerprints of tokens that are never revoked."},
		{path: "policy.never_revoke.networks", value: prefixes(&c.Policy.NeverNetworks), doc: "Networks whose sessions are never revoked."},
		{path: "policy.kill_switch", value: text(&c.Policy.KillFile, notBlank), doc: "While a file of this name exists nothing is revoked; what is decided waits. See `hijackd kill`."},
		{path: "policy.trusted_networks", value: prefixes(&c.Policy.TrustedNetworks), doc: "Egress of the company's own VPN, proxies and scanners."},
	}
	table = append(table, c.boundRevoke()...)
	table = append(table, c.boundIDP()...)
	table = append(table, c.boundCAEP()...)
	table = append(table, c.boundSlack()...)
	table = append(table, c.boundPagerDuty()...)
	table = append(table, c.boundAlertmanager()...)
	table = append(table, []key{
		{path: "limits.memory", def: "512MiB", value: sizeValue{&c.Memory, 64 << 20, 1 << 40}, doc: "Memory of session state and buffers. The process takes a fixed overhead more."},
		{path: "console.listen", def: "127.0.0.1:8080", value: text(&c.Console.Listen, hostPort), doc: "Where the console listens.",
			pending: "the console is not built yet: nothing listens there"},
		{path: "admin.listen", def: "127.0.0.1:9100", value: text(&c.Admin.Listen, hostPort), doc: "Where /metrics, /livez and /readyz are; empty: nowhere."},
		{path: "log.level", def: "info", value: oneOf(&c.Log.Level, "debug", "info", "warn", "error"), doc: "The least that is logged."},
		{path: "log.format", def: "json", value: oneOf(&c.Log.Format, "json", "text"), doc: "How the log is written, on standard error."},
	}...)
	table = append(table, c.boundAPI()...)
	return append(table, c.boundRules()...)
}

var (
	topicPattern   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,240}$`) // Kafka allows 249; hijackd appends ".sightings"
	kidPattern     = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)
	clusterPattern = regexp.MustCompile(`^[A-Za-z0-9_.{}-]{1,128}$`)
)

func notBlank(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("is blank")
	}
	return nil
}

func topicName(s string) error {
	if !topicPattern.MatchString(s) || s == "." || s == ".." {
		return fmt.Errorf("%s is no topic name: letters, digits, '.', '_' and '-', at most 240", strconv.Quote(s))
	}
	return nil
}

func kid(s string) error {
	if !kidPattern.MatchString(s) {
		return fmt.Errorf("%s is no key id: letters, digits, '.', '_' and '-', at most 32", strconv.Quote(s))
	}
	return nil
}

func clusterName(s string) error {
	if !clusterPattern.MatchString(s) {
		return fmt.Errorf("%s is no cluster name", strconv.Quote(s))
	}
	return nil
}

// fingerprintForm does not repeat what it refuses: it may be a raw token.
func fingerprintForm(s string) error {
	if !fingerprint.Valid(s) {
		return errors.New("an item is no fingerprint (h1:…, sha256:… or id:…)")
	}
	return nil
}

func hostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%s is no address such as 127.0.0.1:9092", strconv.Quote(s))
	}
	return nil
}
