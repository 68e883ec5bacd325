package main

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
