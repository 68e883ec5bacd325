package idp

import (
	"net/http"
	"net/url"
)

// auth0 is Auth0's Management API v2 (session management is part of its Enterprise plans). Revoking a session takes its refresh tokens
// along; deleting a user's sessions does not, so these are a call of their own. Deletions are accepted (202) and happen soon after.
// The audience of the token is the tenant's own domain, never a custom one.
func auth0(base string, oauth issuer) system {
	accepted := []int{http.StatusAccepted, http.StatusNoContent}
	return system{
		base: base + "/api/v2",
		auth: oauth(base+"/oauth/token", url.Values{"audience": {base + "/api/v2/"}}),
		session: func(id string) []call {
			return []call{{method: http.MethodPost, path: "/sessions/" + segment(id) + "/revoke", ok: accepted, gone: noAuth0Session}}
		},
		user: func(id string) []call {
			path := "/users/" + segment(id)
			return []call{{method: http.MethodDelete, path: path + "/sessions", ok: accepted}, {method: http.MethodDelete, path: path + "/refresh-tokens", ok: accepted}}
		},
		sessionID: plain, userID: plain,
		sessionIs: "the sid of its ID tokens", userIs: "a user_id such as auth0|…",
		right: "the scopes delete:sessions and delete:refresh_tokens",
		limit: resetsAt("X-RateLimit-Reset"),
	}
}

// A path that is none of Auth0's says no more than "Not Found".
func noAuth0Session(body []byte) bool {
	return says(body, "statusCode") == "404" && says(body, "message") != "Not Found"
}
