package idp

import (
	"net/http"
	"strings"
)

// kratos is the admin interface of Ory Kratos, or of Ory Network with an API key. It answers 404 also where an identity has no sessions
// left, so that this is success for users as well.
func kratos(base string, c *Config) system {
	done := []int{http.StatusNoContent}
	token := staticToken("")
	if c.Secret != "" {
		token = staticToken("Bearer " + c.Secret)
	}
	return system{
		base: base + "/admin", auth: token,
		session: func(id string) []call {
			return []call{{method: http.MethodDelete, path: "/sessions/" + segment(id), ok: done, gone: noKratosRows}}
		},
		user: func(id string) []call {
			return []call{{method: http.MethodDelete, path: "/identities/" + segment(id) + "/sessions", ok: done, gone: noKratosRows}}
		},
		sessionID: isUUID, userID: isUUID,
		sessionIs: "the UUID of a Kratos session", userIs: "the UUID of a Kratos identity",
		right: "access to the admin interface",
		limit: resetsIn("X-RateLimit-Reset"),
	}
}

// "Unable to locate the resource" is of the database; the router's own 404 reads otherwise.
func noKratosRows(body []byte) bool {
	return says(body, "error", "code") == "404" && strings.Contains(says(body, "error", "message"), "locate the resource")
}
