package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect/rules"
)

// Config is hijackd's configuration (contract section 5). Load fills it; printing one, with any verb, shows no secret.
type Config struct {
	Kafka        KafkaConfig
	ClickHouse   ClickHouseConfig
	GeoIP        GeoIPConfig
	Fingerprint  FingerprintConfig
	Lateness     time.Duration
	Rules        rules.Config
	Responses    map[string]*ResponseConfig // by rule
	Policy       PolicyConfig
	Revoke       RevokeConfig
	IDP          [7]IDPConfig // in the order of idp.Names
	Slack        SlackConfig
	CAEP         CAEPConfig
	PagerDuty    PagerDutyConfig
	Alertmanager AlertmanagerConfig
	API          APIConfig
	Memory       int64 // bytes of session state and buffers
	Console      ListenConfig
	Admin        ListenConfig
	Log          LogConfig

	origins origins
}

// KafkaConfig is the section kafka.
type KafkaConfig struct {
	Brokers          []string
	Topic            string
	Group            string
	Rekey            string // auto, always or never
	DeadLetterTopic  string
	FindingsTopic    string
	RevocationsTopic string
	CreateTopics     bool
	SessionTimeout   time.Duration
	TLS              TLSConfig
	SASL             SASLConfig
}

// TLSConfig is the section kafka.tls. The files' contents are PEM.
type TLSConfig struct {
	Enabled       bool
	CA, Cert, Key File
}

// SASLConfig is the section kafka.sasl.
type SASLConfig struct {
	Mechanism string // empty, plain, scram-sha-256 or scram-sha-512
	Username  string
	Password  File
}

// ClickHouseConfig is the section clickhouse. An empty DSN means the embedded engine.
type ClickHouseConfig struct {
	DSN           string // may hold a password
	Cluster       string
	RetentionDays int
}

// GeoIPConfig is the section geoip: paths of .mmdb files, empty where there is none.
type GeoIPConfig struct{ City, ASN, Anonymous string }

// FingerprintConfig is the section fingerprint.
type FingerprintConfig struct {
	Pepper File
	KID    string
}

// PolicyConfig is the section policy.
type PolicyConfig struct {
	Mode             string // off, shadow, alert or enforce
	RevokesPerMinute int
	RevokesPerHour   int
	RevokesPerUser   int     // in any hour
	PercentOfActive  float64 // of the tokens active in the last hour, 0–100
	KillFile         string  // while it exists, no effect is carried out
	NeverUsers       []string
	NeverTokens      []string
	NeverNetworks    []netip.Prefix
	TrustedNetworks  []netip.Prefix
}

// ListenConfig is the section console or admin; an empty address means that nothing listens.
type ListenConfig struct{ Listen string }

// LogConfig is the section log.
type LogConfig struct{ Level, Format string }

// maxConfigBytes bounds the file: the YAML parser recurses once per level of nesting.
const maxConfigBytes = 256 << 10

// Load reads the configuration file at path, an empty path meaning none, and then the environment (as os.Environ gives it), which wins.
// The error joins a *Problem for every key that is wrong. Secret files are read, the other files only looked for.
func Load(path string, environ []string) (*Config, []Warning, error) {
	var text []byte
	if path != "" {
		var err error
		if text, err = readBounded(path, maxConfigBytes); err != nil {
			return nil, nil, fmt.Errorf("read configuration: %w", err)
		}
	}
	return parseConfig(path, text, environ)
}

func parseConfig(name string, text []byte, environ []string) (*Config, []Warning, error) {
	c := new(Config)
	c.origins = origins{name, map[string]Problem{}}
	l := loader{origins: c.origins, keys: c.keys()}
	l.readYAML(text)
	l.readEnvironment(environ)
	l.readFiles()
	l.checkTogether(c)
	l.warnPending()
	if len(l.problems) > 0 {
		return nil, l.warnings, errors.Join(l.problems...)
	}
	return c, l.warnings, nil
}

// Problem says what is wrong with one key, and where it was set.
type Problem struct {
	Source string // a file's name, or "environment"
	Line   int    // 0 where the key stands in no file
	Key    string // a key's path, or the variable's name
	Text   string
}

// Error is the form "hijackd.yaml:12: kafka.brokers: is empty".
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Source != "" {
		b.WriteString(p.Source)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	return b.String() + p.Text
}

// Warning says what works otherwise than the configuration may make one think.
type Warning Problem

// String is the form "hijackd.yaml:12: kafka.rekey: …".
func (w Warning) String() string { return (*Problem)(&w).Error() }

// Format writes the keys and their values, without secrets, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// String lists the keys and their values, without secrets.
func (c Config) String() string {
	var b strings.Builder
	for _, k := range c.bound() {
		if shown := k.value.String(); shown != "" { // a key of a rule that is not built yet
			fmt.Fprintf(&b, "%s: %s\n", k.path, shown)
		}
	}
	return b.String()
}

// LogValue is String: slog would otherwise walk the fields.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String: encoding/json would otherwise walk the fields.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
