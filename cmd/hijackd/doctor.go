package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hijackd/hijackd/schema"
)

type doctorCommand struct {
	configured
	Send   bool   `help:"Also call the destinations: webhook.test to the webhook, a session that does not exist to identity providers."`
	Format string `enum:"text,jsonl" default:"text" help:"text: a line a check; jsonl: one JSON object a check."`
}

// health is what a check came to.
type health string

const (
	healthy health = "ok"
	ailing  health = "warn"
	failing health = "FAIL"
)

// checkup is one line of doctor.
type checkup struct {
	Check string `json:"check"`
	State health `json:"state"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"`
}

// doctor looks at what surrounds hijackd. It changes nothing.
type doctor struct {
	cfg  *Config
	send bool
	each func(checkup) error
	err  error // of writing
	bad  int
}

// checkTime bounds each check.
const checkTime = 15 * time.Second

// Run checks everything, whatever fails.
func (c doctorCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	d := &doctor{cfg: cfg, send: c.Send, each: p.checkup}
	if c.Format == "jsonl" {
		d.each = func(x checkup) error { return json.NewEncoder(p.stdout).Encode(x) }
	}
	for _, check := range []func(context.Context){d.policy, d.pepper, d.kafka, d.clickhouse, d.geoip, d.destinations, d.slack} {
		ctx, cancel := context.WithTimeout(ctx, checkTime)
		check(ctx)
		cancel()
	}
	switch {
	case d.err != nil:
		return d.err
	case d.bad > 0:
		return fmt.Errorf("%s failed", counted(d.bad, "check"))
	}
	return nil
}

func (p *process) checkup(x checkup) error {
	_, err := fmt.Fprintf(p.stdout, "%-4s  %-11s  %s\n", x.State, x.Check, schema.CleanText(x.Text, 1000))
	if err == nil && x.Hint != "" {
		_, err = fmt.Fprintf(p.stdout, "%19s%s\n", "→ ", schema.CleanText(x.Hint, 1000))
	}
	return err
}

func (d *doctor) say(state health, check, hint, format string, args ...any) {
	if state == failing {
		d.bad++
	}
	d.err = errors.Join(d.err, d.each(checkup{check, state, fmt.Sprintf(format, args...), hint}))
}

func (d *doctor) policy(context.Context) {
	switch d.cfg.Policy.Mode {
	case "off", "shadow":
		d.say(healthy, "policy", "", "mode %s: findings are made at most, nobody is told and nothing is revoked", d.cfg.Policy.Mode)
	case "alert":
		d.say(healthy, "policy", "", "mode alert: people are told, nothing is revoked")
	default:
		d.say(healthy, "policy", "", "mode enforce: conclusive findings revoke, at most %d a minute and %d an hour", d.cfg.Policy.RevokesPerMinute, d.cfg.Policy.RevokesPerHour)
	}
	if file := d.cfg.Policy.KillFile; file != "" {
		if _, err := os.Stat(file); err == nil {
			d.say(ailing, "kill file", "remove it when effects may go on", "%s is there: a daemon on this machine holds all effects", file)
		}
	}
}

func (d *doctor) pepper(context.Context) {
	switch key, err := d.cfg.Fingerprint.key(); {
	case err != nil:
		d.say(failing, "pepper", "make one: head -c 32 /dev/urandom | base64 | sed s/^/base64:/", "fingerprint.pepper_file: %v", err)
	case key == nil:
		d.say(ailing, "pepper", "set fingerprint.pepper_file: without it raw tokens get fingerprints that end with the process",
			"there is none")
	default:
		d.say(healthy, "pepper", "", "key id %s", key.Kid())
	}
}
