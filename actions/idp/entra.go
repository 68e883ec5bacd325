package idp

import (
	"net/http"
	"net/url"
	"strings"
)

// entra is Microsoft Graph's revokeSignInSessions, which resets signInSessionsValidFromDateTime: refresh tokens and browser sessions end
// within minutes, access tokens when they expire. There is no call that ends one session. Documented as 204, it answers 200 with {"value": true}.
func entra(base string, c *Config, oauth issuer) system {
	user := func(gone func([]byte) bool) func(string) []call {
		return func(id string) []call {
			return []call{{method: http.MethodPost, path: "/users/" + segment(id) + "/revokeSignInSessions",
				ok: []int{http.StatusOK, http.StatusNoContent}, gone: gone, effect: entraRevoked}}
		}
	}
	login := strings.TrimRight(c.LoginURL, "/") + "/" + segment(c.Tenant)
	return system{
		base: base + "/v1.0",
		auth: oauth(login+"/oauth2/v2.0/token", url.Values{"scope": {base + "/.default"}}),
		user: user(nil), userID: plain,
		userIs: "an object id or user principal name",
		probe:  user(noEntraUser),
		right:  "the application permission User.RevokeSessions.All, with admin consent",
	}
}

func entraRevoked(body []byte) bool { return len(body) == 0 || says(body, "value") == "true" }

func noEntraUser(body []byte) bool { return says(body, "error", "code") == "Request_ResourceNotFound" }
