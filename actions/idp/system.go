package idp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions/outbound"
)

// call is one request of a system's interface.
type call struct {
	method string
	path   string // behind the system's base, escaped
	body   string // JSON, or empty
	ok     []int  // the statuses that are documented as success
	// gone tells from the body of a 404 that what was to end is not there, any more or at all; nil: a 404 is never success.
	gone func(body []byte) bool
	// effect tells from the body of a success that it was one; nil: the status says so.
	effect func(body []byte) bool
}

// system is what there is to know about one identity provider.
type system struct {
	base string
	auth credentials
	// session and user are the calls that end a session, or all sessions of a user; nil where it has none.
	session, user func(id string) []call
	// probe are calls that end nothing where the id is nobody's, and tell so; nil: session.
	probe             func(id string) []call
	sessionID, userID func(id string) bool // what its ids look like
	// What a person must know who reads a refusal: what its ids are, and what the credentials need.
	sessionIs, userIs, right string
	// limit is how it says when a rate limit ends; nil: by Retry-After alone.
	limit func(h http.Header, now time.Time) time.Duration
}

// describe returns what a configured system is called with.
func describe(name string, c *Config, oauth issuer) (system, error) {
	base := strings.TrimRight(c.URL, "/")
	var s system
	switch name {
	case Keycloak:
		s = keycloak(base, c, oauth)
	case Auth0:
		s = auth0(base, oauth)
	case Okta:
		s = okta(base, c)
	case Entra:
		s = entra(base, c, oauth)
	case Kratos:
		s = kratos(base, c)
	case Zitadel:
		s = zitadel(base, c)
	case Authentik:
		s = authentik(base, c)
	default:
		return system{}, fmt.Errorf("no identity provider is called %q", name)
	}
	if s.probe == nil {
		s.probe = s.session
	}
	return s, nil
}

// says reads one text of a JSON answer, named by its path; empty where there is none.
func says(body []byte, path ...string) string {
	var at any
	if json.Unmarshal(body, &at) != nil {
		return ""
	}
	for _, key := range path {
		m, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		at = m[key]
	}
	switch v := at.(type) {
	case string:
		return v
	case float64, bool:
		return fmt.Sprint(v)
	}
	return ""
}

// resetsAt reads a header that holds the Unix second at which a limit ends.
func resetsAt(header string) func(http.Header, time.Time) time.Duration {
	return func(h http.Header, now time.Time) time.Duration { return outbound.Until(h.Get(header), now) }
}

// resetsIn reads a header that holds the seconds until a limit ends.
func resetsIn(header string) func(http.Header, time.Time) time.Duration {
	return func(h http.Header, now time.Time) time.Duration {
		return outbound.Answer(http.StatusTooManyRequests, h.Get(header), now).RetryAfter
	}
}
