// Package alertmanager tells people through Prometheus Alertmanager's API v2: one alert per finding or page, which ends by itself.
//
// An alert says when it ends, so it is sent once, not again and again as Prometheus does: it fires for Config.Fires (an hour by default)
// after it was sent, through restarts of hijackd, and is resolved then. An Alertmanager that loses its memory loses it.
//
// It refuses what actions/outbound refuses, and to make a label of a user, address, token or session; it puts no URL, which may hold a
// password, and no peer's text into a result.
package alertmanager

import (
	"errors"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/actions/outbound"
	"github.com/hijackd/hijackd/schema"
)

// Config is the section `actions.alertmanager` of the configuration.
type Config struct {
	URL          string          // base of Alertmanager, with user and password where it wants them; empty: nobody is told
	Least        schema.Severity // weaker findings are left out
	Fires        time.Duration   // how long an alert fires after it was sent, 1 min to 7 days
	GeneratorURL string          // where alerts link to, empty for nowhere
	Timeout      time.Duration   // of one attempt, 100 ms to 1 min
	AllowPrivate bool
	CA           string // PEM of the authorities to trust; empty: the system's
}

// Defaults returns the configuration without an Alertmanager.
func Defaults() Config {
	return Config{Least: schema.Medium, Fires: time.Hour, Timeout: 10 * time.Second}
}

func (c *Config) outbound() outbound.Config {
	return outbound.Config{Timeout: c.Timeout, AllowPrivate: c.AllowPrivate, CA: c.CA}
}

// Validate returns every mistake, each naming its key and none quoting a URL.
func (c *Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	var errs []error
	if err := outbound.CheckURL(c.URL, c.AllowPrivate); err != nil {
		errs = append(errs, fmt.Errorf("actions.alertmanager.url: %w", err))
	}
	if c.GeneratorURL != "" {
		if err := outbound.CheckURL(c.GeneratorURL, true); err != nil {
			errs = append(errs, fmt.Errorf("actions.alertmanager.generator_url: %w", err))
		}
	}
	if !c.Least.AtLeast(schema.Low) {
		errs = append(errs, errors.New("actions.alertmanager.severity: none of low, medium, high, critical"))
	}
	if c.Fires < time.Minute || c.Fires > 7*24*time.Hour {
		errs = append(errs, fmt.Errorf("actions.alertmanager.fires: %s is not between 1m and 168h", c.Fires))
	}
	return errors.Join(append(errs, c.outbound().Validate("actions.alertmanager"))...)
}
