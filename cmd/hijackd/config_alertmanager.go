package main

import (
	"time"

	"github.com/hijackd/hijackd/actions/alertmanager"
	"github.com/hijackd/hijackd/schema"
)

// AlertmanagerConfig is the section actions.alertmanager. An empty URL means no Alertmanager.
type AlertmanagerConfig struct {
	URL          string // may hold a password
	Severity     string
	Fires        time.Duration
	GeneratorURL string
	Timeout      time.Duration
	AllowPrivate bool
	CA           File
}

func (c *Config) boundAlertmanager() []key {
	p := &c.Alertmanager
	return []key{
		{path: "actions.alertmanager.url", value: location(&p.URL, "https", "http"), doc: "Base URL of Prometheus Alertmanager, with user and password where it wants them; empty: no Alertmanager."},
		{path: "actions.alertmanager.severity", def: "medium", value: oneOf(&p.Severity, leastSeverities...), doc: "The least severity of a finding that is sent. Pages are always sent."},
		{path: "actions.alertmanager.fires", def: "1h", value: durationValue{&p.Fires, time.Minute, 7 * 24 * time.Hour}, doc: "How long an alert fires after it was sent. It is sent once and ends by itself."},
		{path: "actions.alertmanager.generator_url", value: location(&p.GeneratorURL, "https", "http"), doc: "Where alerts link to; empty: nowhere."},
		{path: "actions.alertmanager.timeout", def: "10s", value: durationValue{&p.Timeout, 100 * time.Millisecond, time.Minute}, doc: "How long one attempt may take."},
		{path: "actions.alertmanager.allow_private", def: "false", value: flagValue{&p.AllowPrivate}, doc: "Let its host be a private or loopback address."},
		{path: "actions.alertmanager.ca_file", value: fileValue{&p.CA}, doc: "PEM file of the authorities to trust; empty: the system's."},
	}
}

// alertmanager is the Alertmanager to alert; its URL is empty where there is none.
func (c *Config) alertmanager() alertmanager.Config {
	p := &c.Alertmanager
	return alertmanager.Config{URL: p.URL, Least: schema.Severity(p.Severity), Fires: p.Fires, GeneratorURL: p.GeneratorURL, Timeout: p.Timeout,
		AllowPrivate: p.AllowPrivate, CA: p.CA.Reveal()}
}
