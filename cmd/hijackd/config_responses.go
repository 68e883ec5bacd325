package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hijackd/hijackd/schema"
)

// ResponseConfig is what a rule asks for where the policy lets it act.
type ResponseConfig struct {
	Action     string // revoke_session, revoke_user, step_up, restrict or block_ip
	NotifyUser bool   // ask the user, too: "was this you?"
}

// responseKeys are the keys that every rule has beside its own.
func (c *Config) responseKeys(rule string) []key {
	if c.Responses == nil {
		c.Responses = map[string]*ResponseConfig{}
	}
	if c.Responses[rule] == nil {
		c.Responses[rule] = &ResponseConfig{Action: "revoke_session"}
	}
	r := c.Responses[rule]
	return []key{
		{path: "rules." + rule + ".response", alike: "rules.*.response", def: "revoke_session",
			value: oneOf(&r.Action, "revoke_session", "revoke_user", "step_up", "restrict", "block_ip"),
			doc:   "What is done about a finding of the rule where it may act. Revoking a session works everywhere, the others where the destination has them."},
		{path: "rules." + rule + ".notify_user", alike: "rules.*.notify_user", def: "false", value: flagValue{&r.NotifyUser},
			doc: "Whether to ask the user as well (`user.notify`: \"was this you?\")."},
	}
}

// checkResponses refuses what a rule asks for and the primary destination cannot do.
func (l *loader) checkResponses(c *Config) {
	o, err := destinations(c)
	if err != nil || len(o.revokers) == 0 {
		return // the first is said elsewhere; without a destination nothing is done at all
	}
	first := o.revokers[0]
	for _, rule := range slices.Sorted(maps.Keys(c.Responses)) {
		r := c.Responses[rule]
		if d := schema.Decision(r.Action); d != schema.RevokeSession && !first.Takes(d) {
			l.fail(l.at("rules."+rule+".response"), fmt.Sprintf("%s does not know %s; the webhook (actions.revoke) does", first.Name, r.Action))
		}
		if r.NotifyUser && !first.Takes(schema.NotifyUser) {
			l.fail(l.at("rules."+rule+".notify_user"), first.Name+" does not notify users; the webhook (actions.revoke) does")
		}
	}
}
