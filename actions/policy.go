package actions

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/hijackd/hijackd/schema"
)

// Policy is what rules may do, and to whom nothing is done. It is a value: it reads no clock and remembers nothing.
type Policy struct {
	cfg      Config
	modes    map[string]Mode
	users    map[string]bool
	tokens   map[string]bool
	networks []netip.Prefix
	trusted  []netip.Prefix
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
		p.users[u] = u != ""
	}
	for _, t := range cfg.NeverRevoke.Tokens {
		p.tokens[t] = true
	}
	p.networks, _ = networks("", cfg.NeverRevoke.Networks) // validated above
	p.trusted, _ = networks("", cfg.TrustedNetworks)
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

// exempt names the list of the configuration that covers a finding's target, or is empty. Networks of one's own are never blocked.
func (p *Policy) exempt(f *schema.Finding, t *schema.Target, action schema.Decision, subject string) string {
	if n, err := netip.ParsePrefix(subject); action == schema.BlockIP && err == nil && slices.ContainsFunc(p.trusted, n.Overlaps) {
		return "trusted_networks"
	}
	switch {
	case p.users[t.User] || p.users[f.User]:
		return "never_revoke.users"
	case p.tokens[t.Token]:
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
