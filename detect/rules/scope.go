package rules

import (
	"fmt"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// Scope finds tokens that travel to hosts and apps that have no business with them.
var Scope = detect.Rule{
	Name: "scope", Version: 1,
	Title: "A token is seen at a host or an app outside of those configured",
	Why: "A cookie whose domain is too wide goes to every host below it, the forgotten test system and the one that somebody took over as well. " +
		"An app that accepts the tokens of another one passes on who its users are.",
	Method: "An event of an app whose host is none of hosts counts: a name, or *.domain for every host below a domain; ports and case make no difference, events without a host are left out. " +
		"A token that was seen at the app and is accepted, at the same time or later, at an app that is neither that one nor one of apps, counts once per day, for the app that it was seen at first." +
		daily + "0.2.",
	Keys: []detect.Key{
		{Name: "hosts", Doc: "host names that an app's tokens may be sent to; empty for any", Default: []string{}},
		{Name: "apps", Doc: "other apps that an app's tokens may be used at; empty for any", Default: []string{}},
		{Name: "per_app", Doc: `the same for single apps: {shop: {hosts: "shop.example.com *.shop.example.com", apps: checkout}}`, PerApp: []string{"hosts", "apps"}},
	},
	Severity: schema.Low, DefaultMode: "alert",
	KnownFalsePositives: []string{"A new host of the app that is not configured yet."},
	Response:            "Set the cookie without a Domain attribute, with the prefix __Host-; have apps check whom a token was issued for.",
	Attack:              []string{"T1539"},
	Example:             "Tokens of shop on 2026-11-21: at least 2 uses at other hosts",
	NewApp: func(s detect.Settings) detect.AppJudge {
		return posture{
			needs: detect.AppNeeds{
				Hosts: func(app string) []string { return orNil(s.Texts("hosts", app)) },
				Apps:  func(app string) []string { return orNil(s.Texts("apps", app)) },
			},
			facts: []detect.Fact{detect.OutOfHosts, detect.Strayed}, signal: behaviour(0.2),
			say: func(d postureDay, n []int64) (string, map[string]any) {
				what := many(n[0], "use") + " at other hosts"
				strayed := many(n[1], "token") + " at other apps"
				switch {
				case n[0] == 0:
					what = strayed
				case n[1] > 0:
					what += ", " + strayed
				}
				evidence := map[string]any{"uses_at_least": atLeast(n[0]), "tokens_at_least": atLeast(n[1])}
				if list := s.Texts("hosts", d.key); len(list) > 0 {
					evidence["hosts"] = list
				}
				if list := s.Texts("apps", d.key); len(list) > 0 {
					evidence["apps"] = list
				}
				return fmt.Sprintf("Tokens of %s on %s: %s", d.app, d.date, what), evidence
			},
		}
	},
}

func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
