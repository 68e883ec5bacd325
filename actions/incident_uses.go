package actions

import (
	"cmp"
	"slices"

	"github.com/hijackd/hijackd/schema"
)

// replays reports whether a finding is about the use of a token that was dead.
func replays(x *schema.Finding) bool {
	if _, told := x.Evidence["accepted"].(bool); told {
		return true
	}
	switch x.Evidence["class"] {
	case "still accepted", "attacker", "stale client":
		return true
	}
	return false
}

func revoked(a schema.Action) bool {
	return publishes(a.Action) && a.State == schema.ActionDelivered
}

// used counts a finding that tells of a use of the token after its revocation, and names the app that accepted it.
func (c *Card) used(x *schema.Finding) {
	if !replays(x) || !slices.ContainsFunc(c.Actions, func(a schema.Action) bool {
		return revoked(a) && (a.Token == x.Token || a.Action == schema.RevokeUser && a.Subject == x.User) && x.Time.After(a.FinishedAt)
	}) {
		return
	}
	c.Uses++
	if accepted, _ := x.Evidence["accepted"].(bool); !accepted && x.Evidence["class"] != "still accepted" {
		return
	}
	app, _ := x.Evidence["app"].(string)
	c.accept(cmp.Or(app, x.App, "an app that events don't name"))
}

// accept names an app that accepted the token after its revocation.
func (c *Card) accept(app string) {
	if !slices.Contains(c.StillAccepted, app) && len(c.StillAccepted) < cardApps {
		c.StillAccepted = append(slices.Clone(c.StillAccepted), app)
		slices.Sort(c.StillAccepted)
	}
}
