package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

type allowCommand struct {
	Add    allowAddCommand    `cmd:"" help:"Enter an exemption: findings that it covers are observed and nothing more, until it ends."`
	List   allowListCommand   `cmd:"" default:"withargs" help:"List the entries in force."`
	Remove allowRemoveCommand `cmd:"" help:"End an entry now."`
}

type allowAddCommand struct {
	order
	Tenant  string `placeholder:"TENANT" help:"The tenant that it is for."`
	Rule    string `placeholder:"RULE" help:"Findings of this rule."`
	User    string `placeholder:"USER" help:"About this user."`
	Token   string `placeholder:"FINGERPRINT" help:"About this token."`
	App     string `placeholder:"APP" help:"At this app."`
	Network string `placeholder:"CIDR" help:"From this network, or to it."`
	ASN     uint32 `name:"asn" placeholder:"NUMBER" help:"From this autonomous system, or to it."`
	Country string `placeholder:"CC" help:"From this country, or to it."`
	UA      string `name:"ua" placeholder:"\"FAMILY on OS\"" help:"By this browser, as findings name it: Firefox on Windows."`
	For     span   `required:"" placeholder:"TIME" help:"How long it holds: 12h, 30d. At most a year."`
}

// maxAllow is the longest that an entry may hold: who has left the company must not be exempt for ever.
const maxAllow = 366 * 24 * time.Hour

var (
	countryCode = regexp.MustCompile(`^[A-Z]{2}$`)
	browser     = regexp.MustCompile(`^.+ on .+$`)
)

func (c allowAddCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	order, err := c.command(p, schema.Allowed, c.Tenant)
	if err != nil {
		return err
	}
	if order.Allow, err = c.entry(cfg, &order); err != nil {
		return usageError{err}
	}
	to, err := openOrders(ctx, cfg)
	if err != nil {
		return err
	}
	defer to.close()
	return to.give(ctx, p, order, fmt.Sprintf("allow %s%s until %s, entry %s", covers(order.Allow), ofTenant(c.Tenant), when(order.Allow.Expires), order.Allow.ID), c.Wait)
}

// entry checks the flags and makes the entry of them.
func (c *allowAddCommand) entry(cfg *Config, order *schema.Command) (*schema.Allow, error) {
	a := &schema.Allow{ID: "alw_" + strings.TrimPrefix(order.ID, "cmd_"), Rule: c.Rule, User: c.User, Token: c.Token, App: c.App, ASN: c.ASN,
		Country: strings.ToUpper(c.Country), UA: c.UA, Expires: order.At.Add(time.Duration(c.For)).Truncate(time.Second), By: order.By, Why: order.Why}
	if c.Network != "" {
		n, err := network(c.Network)
		if err != nil {
			return nil, err
		}
		a.Network = n
	}
	if c.Token != "" {
		ts, err := fingerprints([]string{c.Token})
		if err != nil {
			return nil, err
		}
		a.Token = ts[0]
	}
	_, known := cfg.Rules[c.Rule]
	switch {
	case c.Rule != "" && !known:
		return nil, fmt.Errorf("--rule: there is no rule %s (hijackd rules lists them)", schema.CleanText(c.Rule, 100))
	case a.Country != "" && !countryCode.MatchString(a.Country):
		return nil, errors.New("--country: not two letters")
	case c.UA != "" && !browser.MatchString(c.UA):
		return nil, errors.New(`--ua: not of the form "Firefox on Windows"`)
	case time.Duration(c.For) > maxAllow:
		return nil, errors.New("--for: more than a year")
	case covers(a) == "":
		return nil, errors.New("what? Name at least one of --user, --rule, --network, --asn, --country, --ua, --token, --app")
	}
	return a, nil
}

// network reads a network, or an address as a network of its own.
func network(text string) (string, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()).String(), nil
	}
	n, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return "", errors.New("--network: neither a network such as 192.0.2.0/24 nor an address")
	case n.Addr().Is4() && n.Bits() < 8, n.Addr().Is6() && n.Bits() < 16:
		return "", errors.New("--network: larger than a /8 (IPv6: /16)")
	}
	return n.Masked().String(), nil
}

// covers says in words what an entry covers; empty where that would be everything.
func covers(a *schema.Allow) string {
	asn := ""
	if a.ASN != 0 {
		asn = "AS" + strconv.FormatUint(uint64(a.ASN), 10)
	}
	var parts []string
	for _, f := range [...]struct{ name, value string }{{"rule", a.Rule}, {"user", a.User}, {"token", a.Token}, {"app", a.App}, {"network", a.Network},
		{"network of", asn}, {"country", a.Country}, {"browser", a.UA}} {
		if f.value != "" {
			parts = append(parts, f.name+" "+string(schema.CleanText(f.value, 200)))
		}
	}
	return strings.Join(parts, ", ")
}

type allowListCommand struct {
	configured
	All    bool   `help:"Also the ones that have ended."`
	Format string `enum:"text,jsonl" default:"text" help:"text: a table; jsonl: one entry a line."`
}

func (c allowListCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	s, err := readStanding(ctx, cfg)
	if err != nil {
		return err
	}
	now := time.Now()
	es := s.allowed(now, c.All)
	if c.Format == "jsonl" {
		out := json.NewEncoder(p.stdout)
		for _, e := range es {
			if err := out.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	if len(es) == 0 {
		_, err := fmt.Fprintln(p.stdout, "nothing is allowed")
		return err
	}
	rows := [][]string{{"ID", "UNTIL (UTC)", "TENANT", "COVERS", "BY", "WHY"}}
	for _, e := range es {
		until := when(e.Expires)
		if e.Ended {
			until = "ended"
		} else if !e.Expires.After(now) {
			until = "expired"
		}
		rows = append(rows, []string{e.ID, until, e.Tenant, covers(&e.Allow), e.By, e.Why})
	}
	return p.table(rows)
}

type allowRemoveCommand struct {
	order
	ID     string  `arg:"" name:"ID" help:"The entry's id (alw_…)."`
	Tenant *string `placeholder:"TENANT" help:"Its tenant, where the response log doesn't say it."`
}

func (c allowRemoveCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	if _, err := c.command(p, schema.Disallow, ""); err != nil {
		return err
	}
	to, err := openOrders(ctx, cfg)
	if err != nil {
		return err
	}
	defer to.close()
	s, err := to.standing(ctx)
	if err != nil {
		return err
	}
	e := s.allows[c.ID]
	if e == nil || e.Ended {
		return fmt.Errorf("there is no entry %s in force", schema.CleanText(c.ID, 100))
	}
	tenant := e.Tenant
	if c.Tenant != nil {
		tenant = *c.Tenant
	}
	order, err := c.command(p, schema.Disallow, tenant)
	if err != nil {
		return err
	}
	order.Allow = &schema.Allow{ID: c.ID}
	return to.give(ctx, p, order, "no longer allow "+covers(&e.Allow), c.Wait)
}
