package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack"
	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/store"
)

const (
	maxClockSkew = 30 * time.Second
	// oldDatabase is when networks have moved so much that a database misleads. Publishers bring new ones every week or month.
	oldDatabase = 45 * 24 * time.Hour
)

func (d *doctor) clickhouse(ctx context.Context) {
	db, err := openServer(ctx, d.cfg)
	if errors.Is(err, errEmbedded) {
		d.say(healthy, "clickhouse", "", "embedded in the daemon, which alone can ask it")
		return
	}
	if err != nil {
		d.say(failing, "clickhouse", "check clickhouse.dsn, its user and password, and that the server runs; meanwhile detection and revocation go on", "%v", err)
		return
	}
	defer func() { _ = db.Close() }() // it was only read
	version, now, err := db.Server(ctx)
	if err != nil {
		d.say(failing, "clickhouse", "", "%v", err)
		return
	}
	d.say(healthy, "clickhouse", "", "version %s", version)
	if skew := time.Until(now).Abs(); skew > maxClockSkew {
		d.say(ailing, "clickhouse", "run NTP on both", "its clock and this one differ by %s", skew.Round(time.Second))
	}
	d.schema(ctx, db)
}

func (d *doctor) schema(ctx context.Context, db *store.DB) {
	steps, err := db.Status(ctx)
	if err != nil {
		d.say(failing, "schema", "", "%v", err)
		return
	}
	last, missing := uint32(0), 0
	for _, s := range steps {
		if !s.Applied {
			missing++
			continue
		}
		last = s.Version
	}
	if missing > 0 {
		d.say(failing, "schema", "hijackd migrate up -c FILE; hijackd run does it, too", "%s of %d missing", counted(missing, "migration"), len(steps))
		return
	}
	d.say(healthy, "schema", "", "up to date, migration %d", last)
}

func (d *doctor) geoip(context.Context) {
	g := d.cfg.GeoIP
	if g.City == "" && g.ASN == "" && g.Anonymous == "" {
		d.say(ailing, "geoip", "set geoip.city and geoip.asn, unless events bring geo: rules about places and networks see nothing else", "no database is configured")
		return
	}
	for _, one := range []enrich.Config{{City: g.City}, {ASN: g.ASN}, {Anonymous: g.Anonymous}} {
		if one.City+one.ASN+one.Anonymous == "" {
			continue
		}
		databases := enrich.NewDatabases(one, slog.New(slog.DiscardHandler))
		if err := databases.Load(); err != nil {
			d.say(failing, "geoip", "a MaxMind database (.mmdb) of the kind that the key names", "%v", err)
			continue
		}
		for _, v := range databases.Versions() {
			d.database(v, time.Now())
		}
	}
}

func (d *doctor) database(v enrich.Version, now time.Time) {
	if age := now.Sub(v.Built); age > oldDatabase {
		d.say(ailing, "geoip", "networks move: have it replaced every week or month; hijackd takes a new file by itself", "%s: %s of %s, %d days old",
			v.Name, v.Type, v.Built.Format(time.DateOnly), int(age.Hours()/24))
		return
	}
	d.say(healthy, "geoip", "", "%s: %s of %s", v.Name, v.Type, v.Built.Format(time.DateOnly))
}

func (d *doctor) destinations(ctx context.Context) {
	all, err := presets(d.cfg)
	if err != nil {
		d.say(failing, "revocation", "", "%v", err)
		return
	}
	if len(all) == 0 && d.cfg.CAEP.URL == "" && d.cfg.Policy.Mode == "enforce" {
		d.say(ailing, "revocation", "set actions.revoke.url, or an identity provider's section", "policy.mode is enforce, and nothing can revoke")
	}
	for _, one := range all {
		switch {
		case d.send:
			d.called(one.Name, one.Check(ctx))
		case one.Name == "webhook":
			d.reachable(ctx)
		default:
			d.say(healthy, one.Name, "", "configured; not called without --send")
		}
	}
}

func (d *doctor) called(name string, res actions.Result) {
	if res.Class != actions.Done {
		d.say(failing, name, "its log says why; hijackd revoke test calls it again", "it answered: %s", res.Detail)
		return
	}
	d.say(healthy, name, "", "it answered: %s", res.Detail)
}

// reachable connects to the webhook's host and sends nothing.
func (d *doctor) reachable(ctx context.Context) {
	u, err := url.Parse(d.cfg.Revoke.URL)
	if err != nil { // the configuration was checked
		d.say(failing, "webhook", "", "actions.revoke.url is no URL")
		return
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		d.say(failing, "webhook", "check the name, firewalls, and that the receiver runs", "%s:%s can't be reached: %v", u.Hostname(), port, err)
		return
	}
	_ = conn.Close() // nothing was written
	d.say(healthy, "webhook", "", "%s:%s can be reached; --send sends webhook.test", u.Hostname(), port)
}

func (d *doctor) slack(ctx context.Context) {
	cfg := d.cfg.slack()
	switch {
	case cfg.Token == "" && cfg.WebhookURL == "":
		others := d.cfg.PagerDuty.RoutingKey.Set() || d.cfg.Alertmanager.URL != ""
		if mode := d.cfg.Policy.Mode; !others && (mode == "alert" || mode == "enforce") {
			d.say(ailing, "alerts", "set actions.slack, actions.pagerduty or actions.alertmanager", "policy.mode is %s, and nobody can be told", mode)
		}
		return
	case cfg.Token == "":
		d.say(healthy, "slack", "", "an incoming webhook is configured; it can't be asked without a message")
		return
	}
	token, err := slack.LoadToken(cfg)
	if err == nil {
		var s *slack.Slack
		if s, err = slack.New(cfg, token, time.Now); err == nil {
			err = s.Check(ctx)
		}
	}
	if err != nil {
		d.say(failing, "slack", "the bot token of the app that is installed in the workspace, with the scopes of docs/slack.md", "%v", err)
		return
	}
	d.say(healthy, "slack", "", "the token is accepted")
}
