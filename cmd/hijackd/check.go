package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/hijackd/hijackd/ingest/enrich"
)

type checkCommand struct {
	configured
	Print bool `help:"Print every key with the value in force."`
}

func (c checkCommand) Run(p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	if err := cfg.checkDatabases(); err != nil {
		return usageError{err}
	}
	if !cfg.Fingerprint.Pepper.Set() {
		_, _ = fmt.Fprintln(p.stderr, "warning: fingerprint.pepper_file: is not set: raw tokens are hashed with a random pepper that ends with the process")
	}
	if c.Print {
		_, err = fmt.Fprint(p.stdout, cfg)
		return err
	}
	_, err = fmt.Fprintln(p.stdout, "the configuration is valid")
	return err
}

// checkDatabases opens the GeoIP databases, each on its own, so that an error names its key.
func (c *Config) checkDatabases() error {
	var errs []error
	for _, d := range []struct {
		path string
		only enrich.Config
	}{
		{"geoip.city", enrich.Config{City: c.GeoIP.City}},
		{"geoip.asn", enrich.Config{ASN: c.GeoIP.ASN}},
		{"geoip.anonymous", enrich.Config{Anonymous: c.GeoIP.Anonymous}},
	} {
		if err := enrich.NewDatabases(d.only, slog.New(slog.DiscardHandler)).Load(); err != nil {
			at := c.origins.at(d.path)
			at.Text = err.Error()
			errs = append(errs, &at)
		}
	}
	return errors.Join(errs...)
}
