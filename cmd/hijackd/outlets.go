package main

import (
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/alertmanager"
	"github.com/hijackd/hijackd/actions/caep"
	"github.com/hijackd/hijackd/actions/pagerduty"
	"github.com/hijackd/hijackd/actions/slack"
)

// outlets are all places where effects happen, and all that tell people, in a fixed order; the first of each is the primary one.
type outlets struct {
	revokers []actions.Destination
	channels []actions.Channel
	slack    *slack.Slack      // nil without a bot token
	caep     *caep.Transmitter // nil where there is none
}

// destinations makes them of the configuration.
func destinations(cfg *Config) (*outlets, error) {
	o := new(outlets)
	named, err := presets(cfg)
	if err != nil {
		return nil, err
	}
	for _, n := range named {
		o.revokers = append(o.revokers, actions.Destination{Name: n.Name, Revoker: n, Takes: n.Takes})
	}
	if c := cfg.caep(); c.URL != "" {
		if o.caep, err = caep.New(c, time.Now); err != nil {
			return nil, err
		}
		o.revokers = append(o.revokers, actions.Destination{Name: "caep", Revoker: o.caep, Takes: o.caep.Takes})
	}
	return o, o.addChannels(cfg)
}

func (o *outlets) addChannels(cfg *Config) error {
	if c := cfg.slack(); c.Channel != "" {
		token, err := slack.LoadToken(c)
		if err != nil {
			return err
		}
		if o.slack, err = slack.New(c, token, time.Now); err != nil {
			return err
		}
		o.channels = append(o.channels, actions.Channel{Name: "slack", Alerter: o.slack})
	} else if c.WebhookURL != "" {
		w, err := slack.NewWebhook(c, time.Now)
		if err != nil {
			return err
		}
		o.channels = append(o.channels, actions.Channel{Name: "slack", Alerter: w})
	}
	if c := cfg.pagerduty(); c.RoutingKey != "" {
		p, err := pagerduty.New(c, time.Now)
		if err != nil {
			return err
		}
		o.channels = append(o.channels, actions.Channel{Name: "pagerduty", Alerter: p})
	}
	if c := cfg.alertmanager(); c.URL != "" {
		m, err := alertmanager.New(c, time.Now)
		if err != nil {
			return err
		}
		o.channels = append(o.channels, actions.Channel{Name: "alertmanager", Alerter: m})
	}
	return nil
}

// into puts them where a response lane looks for them.
func (o *outlets) into(d *actions.Deps) {
	if len(o.revokers) > 0 {
		d.Revoker, d.Takes, d.Others = o.revokers[0].Revoker, o.revokers[0].Takes, o.revokers[1:]
	}
	if len(o.channels) > 0 {
		d.Alerter, d.Channels = o.channels[0].Alerter, o.channels[1:]
	}
}
