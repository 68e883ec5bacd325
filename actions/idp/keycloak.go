package idp

import (
	"net/http"
	"net/url"
	"strings"
)

// keycloak is Keycloak's Admin REST API. A session that is to stay while the user is away (offline_access) is a second one of the same
// id, which the first call does not end. The interface is protected by the role manage-users of the client realm-management, which
// the service account of the client must have.
func keycloak(base string, c *Config, oauth issuer) system {
	realm := segment(c.Realm)
	return system{
		base: base + "/admin/realms/" + realm,
		auth: oauth(base+"/realms/"+realm+"/protocol/openid-connect/token", url.Values{}),
		session: func(id string) []call {
			end := call{method: http.MethodDelete, path: "/sessions/" + segment(id), ok: []int{http.StatusNoContent}, gone: noKeycloakSession}
			offline := end
			offline.path += "?isOffline=true"
			return []call{end, offline}
		},
		user: func(id string) []call {
			return []call{{method: http.MethodPost, path: "/users/" + segment(id) + "/logout", ok: []int{http.StatusNoContent}}}
		},
		sessionID: plain, userID: plain,
		sessionIs: "the sid of its tokens", userIs: "the sub of its tokens",
		right: "the role manage-users of realm-management",
	}
}

// Keycloak writes "Sesssion not found"; an unknown realm is a 404 as well.
func noKeycloakSession(body []byte) bool {
	return strings.HasSuffix(strings.ToLower(says(body, "error")), "ssion not found")
}
