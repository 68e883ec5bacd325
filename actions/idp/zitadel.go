package idp

import (
	"encoding/json"
	"net/http"
)

// zitadel is Zitadel's session service v2. Of a session that has ended it answers 200 again; it has no call for all sessions of a user.
func zitadel(base string, c *Config) system {
	return system{
		base: base + "/v2", auth: staticToken("Bearer " + c.Secret),
		session: func(id string) []call {
			return []call{{method: http.MethodDelete, path: "/sessions/" + segment(id), body: "{}", ok: []int{http.StatusOK}, gone: noZitadelSession,
				effect: zitadelDetails}}
		},
		sessionID: plain, sessionIs: "the id of a Zitadel session",
		right: "the permission session.delete",
	}
}

// gRPC's code 5, or its name, is "not found"; a path that is none of Zitadel's says no more than "Not Found".
func noZitadelSession(body []byte) bool {
	code := says(body, "code")
	return (code == "5" || code == "not_found") && says(body, "message") != "Not Found"
}

func zitadelDetails(body []byte) bool {
	var answer struct {
		Details json.RawMessage `json:"details"`
	}
	return json.Unmarshal(body, &answer) == nil && answer.Details != nil
}
