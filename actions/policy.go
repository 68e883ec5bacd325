package actions

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/hijackd/hijackd/schema"
)

// Policy decides on findings. It is a value: it reads no clock and remembers nothing.
type Policy struct {
	cfg      Config
	modes    map[string]Mode
	users    map[string]bool
	tokens   map[string]bool
	networks []netip.Prefix
}

// NewPolicy makes a policy of its configuration and the mode of every rule: the rule's default, or what the configuration says
// under rules.NAME.mode. A rule without a mode may alert and no more.
func NewPolicy(cfg Config, rules map[string]Mode) (*Policy, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if err := rules[name].Validate(fmt.Sprintf("rules.%s.mode", name)); err != nil {
			return nil, err
		}
	}
	p := &Policy{cfg: cfg, modes: maps.Clone(rules), users: map[string]bool{}, tokens: map[string]bool{}}
	for _, u := range cfg.NeverRevoke.Users {
		p.users[u] = true
	}
	for _, t := range cfg.NeverRevoke.Tokens {
		p.tokens[t] = true
	}
	p.networks, _ = networks("", cfg.NeverRevoke.Networks) // validated above
	return p, nil
}

// Mode is what a rule may do under the global ceiling.
func (p *Policy) Mode(rule string) Mode {
	m, ok := p.modes[rule]
	if !ok {
		m = Warn
	}
	return m.Under(p.cfg.Mode)
}

// Decide returns the decision on a finding, the decision with every mode at enforce, and what suppressed a revocation if something
// did. The finding is judged by itself; risk that several weak findings add up to will be an operand of wants.
func (p *Policy) Decide(f *schema.Finding) (decision, would schema.Decision, suppressed string) {
	would = wants(f)
	if would == schema.RevokeSession {
		if suppressed = p.exempt(f); suppressed != "" {
			would = schema.Alert
		}
	}
	if would == schema.Observe {
		return would, would, ""
	}
	switch p.Mode(f.Rule) {
	case Enforce:
		decision = would
	case Warn:
		decision = schema.Alert
	default:
		decision = schema.Observe
	}
	return decision, would, suppressed
}

// wants is the response that a finding deserves. What was judged without the token's history never costs a session, and neither
// does a finding that names no token to revoke.
func wants(f *schema.Finding) schema.Decision {
	if f.Confidence == 0 && f.Informed > 0 {
		return schema.Observe // withdrawn: a late event showed that there was nothing to find
	}
	if f.Conclusive && !f.WithoutHistory && f.Token != "" {
		return schema.RevokeSession
	}
	return schema.Alert
}

// exempt names the entry list of never_revoke that covers a finding, or is empty.
func (p *Policy) exempt(f *schema.Finding) string {
	switch {
	case f.User != "" && p.users[f.User]:
		return "never_revoke.users"
	case p.tokens[f.Token]:
		return "never_revoke.tokens"
	}
	for _, end := range []*schema.End{f.From, f.To} {
		if end == nil {
			continue
		}
		for _, n := range p.networks {
			if n.Contains(end.IP.Unmap()) {
				return "never_revoke.networks"
			}
		}
	}
	return ""
}
