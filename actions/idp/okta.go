package idp

import "net/http"

// okta is Okta's Sessions and Users API. Ending a session leaves OAuth tokens alone; ending a user's takes them along.
func okta(base string, c *Config) system {
	done := []int{http.StatusNoContent}
	return system{
		base: base + "/api/v1",
		auth: staticToken("SSWS " + c.Secret),
		session: func(id string) []call {
			return []call{{method: http.MethodDelete, path: "/sessions/" + segment(id), ok: done, gone: noOktaResource}}
		},
		user: func(id string) []call {
			return []call{{method: http.MethodDelete, path: "/users/" + segment(id) + "/sessions?oauthTokens=true", ok: done}}
		},
		sessionID: notMe, userID: notMe,
		sessionIs: "the id of an Okta session", userIs: "an Okta user id or login",
		right: "the admin role of the token: to manage users and their sessions",
		limit: resetsAt("X-Rate-Limit-Reset"),
	}
}

// notMe keeps from Okta the word that means the owner of the token.
func notMe(id string) bool { return plain(id) && id != "me" }

// E0000007: "Not found: Resource not found".
func noOktaResource(body []byte) bool { return says(body, "errorCode") == "E0000007" }
