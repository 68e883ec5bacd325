package main

// checkTogether refuses keys that are each fine and don't fit each other.
func (l *loader) checkTogether(c *Config) {
	needs := func(set bool, path string, missing bool, text string) {
		if set && missing {
			l.fail(l.at(path), text)
		}
	}
	needs(c.Revoke.URL != "", "actions.revoke.secret_file", !c.Revoke.Secret.Set() && c.Revoke.Secret.Path == "",
		"is needed with actions.revoke.url: revocations are always signed")
	needs(c.Slack.Token.Set() || c.Slack.Token.Path != "", "actions.slack.channel", c.Slack.Channel == "", "is needed with actions.slack.token_file")
	needs(c.Slack.Channel != "", "actions.slack.token_file", !c.Slack.Token.Set() && c.Slack.Token.Path == "", "is needed with actions.slack.channel")
	needs(c.Kafka.SASL.Mechanism != "", "kafka.sasl.username", c.Kafka.SASL.Username == "", "is needed with kafka.sasl.mechanism")
	needs(c.Kafka.SASL.Mechanism != "", "kafka.sasl.password_file", !c.Kafka.SASL.Password.Set() && c.Kafka.SASL.Password.Path == "",
		"is needed with kafka.sasl.mechanism")
	cert, key := c.Kafka.TLS.Cert, c.Kafka.TLS.Key
	needs(cert.Set() || cert.Path != "", "kafka.tls.key_file", !key.Set() && key.Path == "", "is needed with kafka.tls.cert_file")
	needs(key.Set() || key.Path != "", "kafka.tls.cert_file", !cert.Set() && cert.Path == "", "is needed with kafka.tls.key_file")
	needs(c.ClickHouse.Cluster != "", "clickhouse.dsn", c.ClickHouse.DSN == "", "is needed with clickhouse.cluster: the embedded engine has no cluster")

	if _, err := c.Fingerprint.key(); err != nil {
		l.fail(l.at("fingerprint.pepper_file"), err.Error())
	}

	topics := map[string]string{}
	for _, t := range []struct{ path, name string }{
		{"kafka.topic", c.Kafka.Topic}, {"kafka.dead_letter_topic", c.Kafka.DeadLetterTopic},
		{"kafka.findings_topic", c.Kafka.FindingsTopic}, {"kafka.revocations_topic", c.Kafka.RevocationsTopic},
	} {
		if other := topics[t.name]; other != "" && t.name != "" {
			l.fail(l.at(t.path), "is the same topic as "+other)
		}
		topics[t.name] = t.path
	}
	for _, required := range []struct{ path, value string }{
		{"kafka.topic", c.Kafka.Topic}, {"kafka.group", c.Kafka.Group}, {"kafka.dead_letter_topic", c.Kafka.DeadLetterTopic},
		{"kafka.findings_topic", c.Kafka.FindingsTopic}, {"kafka.revocations_topic", c.Kafka.RevocationsTopic},
		{"kafka.rekey", c.Kafka.Rekey}, {"fingerprint.kid", c.Fingerprint.KID}, {"policy.mode", c.Policy.Mode},
		{"log.level", c.Log.Level}, {"log.format", c.Log.Format},
	} {
		if required.value == "" {
			l.fail(l.at(required.path), "is empty")
		}
	}
	if !c.Kafka.TLS.Enabled {
		for path, f := range map[string]File{"kafka.tls.ca_file": c.Kafka.TLS.CA, "kafka.tls.cert_file": cert} {
			if f.Set() || f.Path != "" {
				l.warn(l.at(path), "is not used: kafka.tls.enabled is false")
			}
		}
		if c.Kafka.SASL.Mechanism == "plain" {
			l.warn(l.at("kafka.sasl.mechanism"), "sends the password in clear text: kafka.tls.enabled is false")
		}
	}
}
