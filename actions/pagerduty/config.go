// Package pagerduty tells people through PagerDuty's Events API v2: one alert per finding or page.
//
// It refuses what actions/outbound refuses, and puts no routing key, URL or peer's text into a result. Session ids never leave.
package pagerduty

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions/outbound"
	"github.com/hijackd/hijackd/schema"
)

// Config is the section `actions.pagerduty` of the configuration.
type Config struct {
	// RoutingKey is the integration key of a service or an orchestration; empty: nobody is told.
	RoutingKey   string
	URL          string          // of the Events API, without a path for the one of PagerDuty's own regions
	Least        schema.Severity // weaker findings are left out
	Timeout      time.Duration   // of one attempt, 100 ms to 1 min
	AllowPrivate bool
	CA           string // PEM of the authorities to trust; empty: the system's
}

// DefaultURL is PagerDuty's own; accounts in the EU have https://events.eu.pagerduty.com.
const DefaultURL = "https://events.pagerduty.com"

// Defaults returns the configuration without a routing key.
func Defaults() Config { return Config{URL: DefaultURL, Least: schema.High, Timeout: 10 * time.Second} }

func (c *Config) outbound() outbound.Config {
	return outbound.Config{Timeout: c.Timeout, AllowPrivate: c.AllowPrivate, CA: c.CA}
}

// Validate returns every mistake, each naming its key and none quoting a URL or a secret.
func (c *Config) Validate() error {
	if c.RoutingKey == "" {
		return nil
	}
	var errs []error
	if strings.ContainsFunc(c.RoutingKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		errs = append(errs, errors.New("actions.pagerduty.routing_key_file: not a routing key: it has spaces or line breaks inside"))
	}
	if err := outbound.CheckURL(c.URL, c.AllowPrivate); err != nil {
		errs = append(errs, fmt.Errorf("actions.pagerduty.url: %w", err))
	}
	if severities[c.Least] == "" {
		errs = append(errs, errors.New("actions.pagerduty.severity: none of low, medium, high, critical"))
	}
	return errors.Join(append(errs, c.outbound().Validate("actions.pagerduty"))...)
}
