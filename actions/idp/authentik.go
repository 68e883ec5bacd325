package idp

import "net/http"

// authentik is authentik's API v3. Its path of all users' sessions, bulk_delete, stands where a session's UUID does; its users are numbers.
func authentik(base string, c *Config) system {
	const sessions = "/core/authenticated_sessions/"
	return system{
		base: base + "/api/v3", auth: staticToken("Bearer " + c.Secret),
		session: func(id string) []call {
			return []call{{method: http.MethodDelete, path: sessions + segment(id) + "/", ok: []int{http.StatusNoContent}, gone: noAuthentikSession}}
		},
		user: func(id string) []call {
			return []call{{method: http.MethodDelete, path: sessions + "bulk_delete/?user_pks=" + id, ok: []int{http.StatusOK, http.StatusNoContent},
				effect: func(body []byte) bool { return len(body) == 0 || says(body, "deleted") != "" }}}
		},
		sessionID: isUUID, userID: numeric,
		sessionIs: "the UUID of an authenticated session", userIs: "the number (pk) of an authentik user",
		right: "the permission to delete authenticated sessions, or the token is not accepted",
	}
}

// Django's "No AuthenticatedSession matches the given query.", or "Not found." of older versions.
func noAuthentikSession(body []byte) bool { return says(body, "detail") != "" }
