package actions

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Config is the section `policy` of the configuration.
type Config struct {
	Mode            Mode        `yaml:"mode"`
	Limits          Limits      `yaml:"limits"`
	NeverRevoke     NeverRevoke `yaml:"never_revoke"`
	TrustedNetworks []string    `yaml:"trusted_networks"` // for the vantages of detect; here they are what is never blocked
	// Responses says by rule what is done where the policy lets it act; a rule that is not in it revokes the session.
	Responses map[string]Reaction `yaml:"-"`
}

// Limits bound revocations per tenant, as sliding windows over record time. What is over a limit is held, never dropped.
type Limits struct {
	RevokesPerMinute int `yaml:"revokes_per_minute"` // 0: everything is held
	RevokesPerHour   int `yaml:"revokes_per_hour"`
	// RevokesPerUserPerHour bounds what is done to one user of a tenant, whatever it is.
	RevokesPerUserPerHour int `yaml:"revokes_per_user_per_hour"`
	// PercentOfActive is the share, in percent, of the tokens active in the last hour that may be revoked per hour, never binding
	// below 10. The count of active tokens is the sum over the apps' census; while there is none this limit does not bind.
	PercentOfActive float64 `yaml:"percent_of_active"`
}

// NeverRevoke exempts from revocation; what is exempt still alerts.
type NeverRevoke struct {
	Users    []string `yaml:"users"`
	Tokens   []string `yaml:"tokens"`   // fingerprints
	Networks []string `yaml:"networks"` // addresses or prefixes; a finding with either end inside is exempt
}

// Defaults returns the configuration that a fresh installation has: it watches and does nothing.
func Defaults() Config {
	return Config{Mode: Shadow, Limits: Limits{RevokesPerMinute: 60, RevokesPerHour: 600, RevokesPerUserPerHour: 20, PercentOfActive: 1}}
}

// Validate returns every mistake, each naming its key.
func (c *Config) Validate() error {
	errs := []error{c.Mode.Validate("policy.mode")}
	for _, l := range []struct {
		key string
		n   int
	}{{"revokes_per_minute", c.Limits.RevokesPerMinute}, {"revokes_per_hour", c.Limits.RevokesPerHour}, {"revokes_per_user_per_hour", c.Limits.RevokesPerUserPerHour}} {
		if l.n < 0 {
			errs = append(errs, fmt.Errorf("policy.limits.%s: %d is negative", l.key, l.n))
		}
	}
	if p := c.Limits.PercentOfActive; !(p >= 0 && p <= 100) {
		errs = append(errs, fmt.Errorf("policy.limits.percent_of_active: %v is not between 0 and 100", p))
	}
	for _, t := range c.NeverRevoke.Tokens {
		if !isFingerprint(t) {
			errs = append(errs, errors.New("policy.never_revoke.tokens: an entry is not a fingerprint (h1:, sha256: or id:); raw tokens do not belong here"))
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(c.Responses)) {
		errs = append(errs, c.Responses[rule].validate("rules."+rule+".response"))
	}
	_, err := networks("policy.never_revoke.networks", c.NeverRevoke.Networks)
	_, terr := networks("policy.trusted_networks", c.TrustedNetworks)
	return errors.Join(append(errs, err, terr)...)
}

func isFingerprint(s string) bool {
	for _, p := range []string{"h1:", "sha256:", "id:"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// networks reads prefixes; a bare address is the prefix that holds it alone.
func networks(key string, list []string) ([]netip.Prefix, error) {
	var ps []netip.Prefix
	var errs []error
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if a, aerr := netip.ParseAddr(s); err != nil && aerr == nil && a.Zone() == "" {
			p, err = a.Unmap().Prefix(a.Unmap().BitLen())
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %q is neither an address nor a prefix like 192.0.2.0/24", key, s))
			continue
		}
		ps = append(ps, p.Masked())
	}
	return ps, errors.Join(errs...)
}
