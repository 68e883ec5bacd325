package main

import (
	"errors"
	"strings"

	"github.com/hijackd/hijackd/actions/revoke"
)

// checkTogether refuses keys that are each fine and don't fit each other, and what the packages that read them refuse.
func (l *loader) checkTogether(c *Config) {
	if len(l.problems) > 0 {
		return // what follows from a mistake is no news
	}
	l.checkComplete(c)
	l.checkSecrets(c)
	l.checkTopics(c)
	b, r, s, p, g := c.broker(), c.revoke(), c.store(), c.policy(), c.enrich()
	l.absorb(b.Validate())
	l.absorb(r.Validate())
	l.checkIDP(c)
	l.absorb(p.Validate())
	l.checkSlack(c)
	l.absorb(g.Validate())
	ce, pd, am := c.caep(), c.pagerduty(), c.alertmanager()
	l.absorb(ce.Validate())
	l.absorb(pd.Validate())
	l.absorb(am.Validate())
	l.checkAPI(c)
	l.checkResponses(c)
	if s.DSN != "" { // the embedded engine's is known when it runs
		l.absorb(s.Validate())
	}
}

func (l *loader) checkComplete(c *Config) {
	for _, k := range []struct{ path, value string }{
		{"kafka.group", c.Kafka.Group}, {"kafka.rekey", c.Kafka.Rekey}, {"fingerprint.kid", c.Fingerprint.KID},
		{"policy.mode", c.Policy.Mode}, {"log.level", c.Log.Level}, {"log.format", c.Log.Format},
	} {
		if k.value == "" {
			l.fail(l.at(k.path), "is empty")
		}
	}
	needs := func(set bool, path string, there bool, why string) {
		if set && !there {
			l.fail(l.at(path), "is needed with "+why)
		}
	}
	needs(c.Kafka.SASL.Mechanism != "", "kafka.sasl.password_file", c.Kafka.SASL.Password.Set(), "kafka.sasl.mechanism")
	needs(c.ClickHouse.Cluster != "", "clickhouse.dsn", c.ClickHouse.DSN != "", "clickhouse.cluster: the embedded engine has no cluster")
	if c.Kafka.SASL.Mechanism == "plain" && !c.Kafka.TLS.Enabled {
		l.warn(l.at("kafka.sasl.mechanism"), "sends the password in clear text: kafka.tls.enabled is false")
	}
}

func (l *loader) checkSecrets(c *Config) {
	if _, err := c.Fingerprint.key(); err != nil {
		l.fail(l.at("fingerprint.pepper_file"), err.Error())
	}
	if c.Revoke.Secret.Set() {
		if _, err := revoke.ParseSecrets(c.Revoke.Secret.Reveal()); err != nil {
			l.fail(l.at("actions.revoke.secret_file"), err.Error())
		}
	}
}

func (l *loader) checkTopics(c *Config) {
	taken := map[string]string{}
	for _, t := range []struct{ path, name string }{
		{"kafka.topic", c.Kafka.Topic}, {"kafka.dead_letter_topic", c.Kafka.DeadLetterTopic},
		{"kafka.findings_topic", c.Kafka.FindingsTopic}, {"kafka.revocations_topic", c.Kafka.RevocationsTopic},
	} {
		switch other := taken[t.name]; {
		case t.name == "":
			l.fail(l.at(t.path), "is empty")
		case other != "":
			l.fail(l.at(t.path), "is the same topic as "+other)
		}
		taken[t.name] = t.path
	}
}

// absorb takes over a package's errors, each of which begins with its key, and says where the key was set.
func (l *loader) absorb(err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			l.absorb(e)
		}
		return
	}
	path, text, ok := strings.Cut(err.Error(), ": ")
	if !ok || l.find(path) == nil && !l.section(path) {
		path, text = "", err.Error()
	}
	at := l.at(path)
	if path == "" {
		at = Problem{Source: l.file}
	}
	for _, known := range l.problems {
		if p, ok := errors.AsType[*Problem](known); ok && *p == (Problem{at.Source, at.Line, at.Key, p.Text}) && at.Key != "" {
			return
		}
	}
	l.fail(at, text)
}
