package main

import (
	"time"

	"github.com/hijackd/hijackd/actions/pagerduty"
	"github.com/hijackd/hijackd/schema"
)

// PagerDutyConfig is the section actions.pagerduty. No routing key means no PagerDuty.
type PagerDutyConfig struct {
	RoutingKey, CA File
	URL            string
	Severity       string
	Timeout        time.Duration
	AllowPrivate   bool
}

var leastSeverities = []string{string(schema.Low), string(schema.Medium), string(schema.High), string(schema.Critical)}

func (c *Config) boundPagerDuty() []key {
	p := &c.PagerDuty
	return []key{
		{path: "actions.pagerduty.routing_key_file", value: fileValue{&p.RoutingKey}, doc: "File that holds the integration key (Events API v2); empty: no PagerDuty."},
		{path: "actions.pagerduty.url", def: pagerduty.DefaultURL, value: location(&p.URL, "https", "http"), doc: "PagerDuty's Events API; https://events.eu.pagerduty.com for accounts in the EU."},
		{path: "actions.pagerduty.severity", def: "high", value: oneOf(&p.Severity, leastSeverities...), doc: "The least severity of a finding that is sent. Pages are always sent."},
		{path: "actions.pagerduty.timeout", def: "10s", value: durationValue{&p.Timeout, 100 * time.Millisecond, time.Minute}, doc: "How long one attempt may take."},
		{path: "actions.pagerduty.allow_private", def: "false", value: flagValue{&p.AllowPrivate}, doc: "Let its host be a private or loopback address."},
		{path: "actions.pagerduty.ca_file", value: fileValue{&p.CA}, doc: "PEM file of the authorities to trust; empty: the system's."},
	}
}

// pagerduty is the integration to alert; its RoutingKey is empty where there is none.
func (c *Config) pagerduty() pagerduty.Config {
	p := &c.PagerDuty
	return pagerduty.Config{RoutingKey: p.RoutingKey.line(), URL: p.URL, Least: schema.Severity(p.Severity), Timeout: p.Timeout,
		AllowPrivate: p.AllowPrivate, CA: p.CA.Reveal()}
}
