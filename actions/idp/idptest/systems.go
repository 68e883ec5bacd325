package idptest

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/hijackd/hijackd/actions/idp"
)

const realm, tenant = "shop", "contoso.example"

type reply struct {
	status int
	body   string
}

// route is one path of an interface; {id} stands for the id.
type route struct {
	method, path string
	query        string // must be there, whole
	suffix       string // of the session's id here
	user         bool   // ends all sessions of a user
	always       bool   // is a success whether there is something to end or not
	done         reply
}

func (t route) match(r *http.Request) (id string, ok bool) {
	target := r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	want := t.path
	if t.query != "" {
		want += "?" + t.query
	}
	before, after, _ := strings.Cut(want, "{id}")
	if r.Method != t.method || !strings.HasPrefix(target, before) || !strings.HasSuffix(target, after) || len(target) <= len(before)+len(after) {
		return "", false
	}
	raw := target[len(before) : len(target)-len(after)]
	if strings.ContainsAny(raw, "/?") {
		return "", false
	}
	id, err := url.PathUnescape(raw)
	return id + t.suffix, err == nil
}

// api is what one system documents, or what its source says where it does not.
type api struct {
	scheme      string // in front of the token in Authorization
	token       string // path of the token endpoint; empty: the secret is the token
	ask, askFor string // what the token endpoint wants to know beside the client: a form key, and its value behind the server's URL
	routes      []route

	unauthorised, forbidden, noSession, noUser, noPath reply
	userAgain, sessionAgain                            bool // whether ending what has ended is a success
}

var apis = map[string]api{
	idp.Keycloak: {
		scheme: "Bearer ", token: "/realms/" + realm + "/protocol/openid-connect/token",
		routes: []route{
			{method: "DELETE", path: "/admin/realms/" + realm + "/sessions/{id}", query: "isOffline=true", suffix: " offline", done: reply{204, ""}},
			{method: "DELETE", path: "/admin/realms/" + realm + "/sessions/{id}", done: reply{204, ""}},
			{method: "POST", path: "/admin/realms/" + realm + "/users/{id}/logout", user: true, done: reply{204, ""}},
		},
		unauthorised: reply{401, `{"error":"HTTP 401 Unauthorized"}`}, forbidden: reply{403, `{"error":"HTTP 403 Forbidden"}`},
		noSession: reply{404, `{"error":"Sesssion not found"}`}, noUser: reply{404, `{"error":"User not found"}`},
		noPath: reply{404, `{"error":"Unable to find matching target resource method"}`}, userAgain: true,
	},
	idp.Auth0: {
		scheme: "Bearer ", token: "/oauth/token", ask: "audience", askFor: "/api/v2/",
		routes: []route{
			{method: "POST", path: "/api/v2/sessions/{id}/revoke", done: reply{202, ""}},
			{method: "DELETE", path: "/api/v2/users/{id}/sessions", user: true, done: reply{202, ""}},
			{method: "DELETE", path: "/api/v2/users/{id}/refresh-tokens", user: true, done: reply{202, ""}},
		},
		unauthorised: reply{401, `{"statusCode":401,"error":"Unauthorized","message":"Invalid token","attributes":{"error":"Invalid token"}}`},
		forbidden:    reply{403, `{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: delete:sessions","errorCode":"insufficient_scope"}`},
		noSession:    reply{404, `{"statusCode":404,"error":"Not Found","message":"The session does not exist.","errorCode":"inexistent_session"}`},
		noUser:       reply{404, `{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`},
		noPath:       reply{404, `{"statusCode":404,"error":"Not Found","message":"Not Found"}`}, userAgain: true,
	},
	idp.Okta: {
		scheme: "SSWS ",
		routes: []route{
			{method: "DELETE", path: "/api/v1/sessions/{id}", done: reply{204, ""}},
			{method: "DELETE", path: "/api/v1/users/{id}/sessions", query: "oauthTokens=true", user: true, done: reply{204, ""}},
		},
		unauthorised: reply{401, `{"errorCode":"E0000011","errorSummary":"Invalid token provided","errorLink":"E0000011","errorId":"oae","errorCauses":[]}`},
		forbidden:    reply{403, `{"errorCode":"E0000006","errorSummary":"You do not have permission to perform the requested action"}`},
		noSession:    reply{404, `{"errorCode":"E0000007","errorSummary":"Not found: Resource not found: canary (Session)"}`},
		noUser:       reply{404, `{"errorCode":"E0000007","errorSummary":"Not found: Resource not found: canary (User)"}`},
		noPath:       reply{404, "<html>canary</html>"}, userAgain: true,
	},
	idp.Entra: {
		scheme: "Bearer ", token: "/" + tenant + "/oauth2/v2.0/token", ask: "scope", askFor: "/.default",
		routes: []route{
			{method: "POST", path: "/v1.0/users/{id}/revokeSignInSessions", user: true, done: reply{200, `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#Edm.Boolean","value":true}`}},
		},
		unauthorised: reply{401, `{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired."}}`},
		forbidden:    reply{403, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`},
		noUser:       reply{404, `{"error":{"code":"Request_ResourceNotFound","message":"Resource 'canary' does not exist"}}`},
		noPath:       reply{400, `{"error":{"code":"BadRequest","message":"Resource not found for the segment 'canary'."}}`}, userAgain: true,
	},
	idp.Kratos: {
		scheme: "Bearer ",
		routes: []route{
			{method: "DELETE", path: "/admin/sessions/{id}", done: reply{204, ""}},
			{method: "DELETE", path: "/admin/identities/{id}/sessions", user: true, done: reply{204, ""}},
		},
		unauthorised: reply{401, `{"error":{"code":401,"status":"Unauthorized","message":"Access credentials are invalid"}}`},
		forbidden:    reply{403, `{"error":{"code":403,"status":"Forbidden","message":"canary"}}`},
		noSession:    reply{404, `{"error":{"code":404,"status":"Not Found","message":"Unable to locate the resource"}}`},
		noUser:       reply{404, `{"error":{"code":404,"status":"Not Found","message":"Unable to locate the resource"}}`},
		noPath:       reply{404, `{"error":{"code":404,"status":"Not Found","message":"The requested resource could not be found"}}`}, sessionAgain: true,
	},
	idp.Zitadel: {
		scheme:       "Bearer ",
		routes:       []route{{method: "DELETE", path: "/v2/sessions/{id}", done: reply{200, `{"details":{"sequence":"5","changeDate":"2026-11-21T10:00:03Z","resourceOwner":"1"}}`}}},
		unauthorised: reply{401, `{"code":16,"message":"Errors.Token.Invalid (AUTH-7fs1e)","details":[]}`},
		forbidden:    reply{403, `{"code":7,"message":"No matching permissions found (AUTH-canary)","details":[]}`},
		noSession:    reply{404, `{"code":5,"message":"Errors.Session.NotExisting (COMMAND-Flk38)","details":[]}`},
		noPath:       reply{404, `{"code":5,"message":"Not Found","details":[]}`}, sessionAgain: true,
	},
	idp.Authentik: {
		scheme: "Bearer ",
		routes: []route{
			{method: "DELETE", path: "/api/v3/core/authenticated_sessions/bulk_delete/", query: "user_pks={id}", user: true, always: true, done: reply{200, `{"deleted":N}`}},
			{method: "DELETE", path: "/api/v3/core/authenticated_sessions/{id}/", done: reply{204, ""}},
		},
		unauthorised: reply{403, `{"detail":"Token invalid/expired"}`},
		forbidden:    reply{403, `{"detail":"You do not have permission to perform this action."}`},
		noSession:    reply{404, `{"detail":"No AuthenticatedSession matches the given query."}`},
		noPath:       reply{404, "<!DOCTYPE html><html>canary</html>"},
	},
}

// Unauthorised is the status that the system gives to worthless credentials.
func (s *Server) Unauthorised() int { return s.api.unauthorised.status }
