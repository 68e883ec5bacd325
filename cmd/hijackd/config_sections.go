package main

import (
	"strings"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

// The packages' own configurations, made of ours.

// broker says how to reach Kafka.
func (c *Config) broker() broker.Config {
	k := &c.Kafka
	return broker.Config{
		Brokers: k.Brokers,
		TLS:     broker.TLS{Enabled: k.TLS.Enabled, CA: k.TLS.CA.Reveal(), Cert: k.TLS.Cert.Reveal(), Key: k.TLS.Key.Reveal()},
		SASL:    broker.SASL{Mechanism: k.SASL.Mechanism, Username: k.SASL.Username, Password: k.SASL.Password.line()},
	}
}

// store says where ClickHouse is; its DSN is empty for the embedded engine.
func (c *Config) store() store.Config {
	s := store.Defaults()
	s.DSN, s.Cluster, s.RetentionDays = c.ClickHouse.DSN, c.ClickHouse.Cluster, c.ClickHouse.RetentionDays
	return s
}

// policy is what decides on findings.
func (c *Config) policy() actions.Config {
	p := &c.Policy
	cfg := actions.Defaults()
	cfg.Mode = actions.Mode(p.Mode)
	cfg.Limits = actions.Limits{RevokesPerMinute: p.RevokesPerMinute, RevokesPerHour: p.RevokesPerHour, RevokesPerUserPerHour: p.RevokesPerUser, PercentOfActive: p.PercentOfActive}
	cfg.Responses = make(map[string]actions.Reaction, len(c.Responses))
	for rule, r := range c.Responses {
		cfg.Responses[rule] = actions.Reaction{Action: schema.Decision(r.Action), NotifyUser: r.NotifyUser}
	}
	cfg.NeverRevoke = actions.NeverRevoke{Users: p.NeverUsers, Tokens: p.NeverTokens}
	for _, n := range p.NeverNetworks {
		cfg.NeverRevoke.Networks = append(cfg.NeverRevoke.Networks, n.String())
	}
	for _, n := range p.TrustedNetworks {
		cfg.TrustedNetworks = append(cfg.TrustedNetworks, n.String())
	}
	return cfg
}

// rules lists the rules that may say anything, with their judges, and the mode of every rule. policy.mode off stops them all.
func (c *Config) rules() ([]detect.Running, map[string]actions.Mode, error) {
	modes := make(map[string]actions.Mode, len(c.Rules))
	for rule, setting := range c.Rules {
		modes[rule] = actions.Mode(setting.Mode)
	}
	if actions.Mode(c.Policy.Mode) == actions.Off {
		return nil, modes, nil
	}
	return c.Rules.Running(), modes, nil
}

// enrich is the databases and the networks of one's own.
func (c *Config) enrich() enrich.Config {
	return enrich.Config{City: c.GeoIP.City, ASN: c.GeoIP.ASN, Anonymous: c.GeoIP.Anonymous, Trusted: c.Policy.TrustedNetworks}
}

// key is the key that raw tokens are hashed with, nil where no pepper is configured.
func (f FingerprintConfig) key() (*fingerprint.Key, error) {
	if !f.Pepper.Set() {
		return nil, nil
	}
	pepper, err := fingerprint.ParsePepper([]byte(f.Pepper.Reveal()))
	if err != nil {
		return nil, err
	}
	return fingerprint.NewKey(f.KID, pepper)
}

// line is the content without the line breaks at its end.
func (f File) line() string { return strings.TrimRight(f.Reveal(), "\r\n") }
