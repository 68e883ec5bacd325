package receive

import (
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json"
)

const (
	skew = 2 * time.Minute // how far the sender's clock may be ahead
	// maxAge is how old a token may be: a sender that was cut off delivers late, and detection reads a week again.
	maxAge = 7 * 24 * time.Hour
)

// claims are what the two kinds of token have in common, and their own. Names are case-sensitive and none may come twice.
type claims struct {
	Issuer    string                     `json:"iss"`
	ID        string                     `json:"jti"`
	Audience  audience                   `json:"aud"`
	IssuedAt  *date                      `json:"iat"`
	NotBefore *date                      `json:"nbf"`
	Expires   *date                      `json:"exp"`
	Subject   *string                    `json:"sub"`
	SubjectID json.RawMessage            `json:"sub_id"`
	Session   string                     `json:"sid"`
	Nonce     json.RawMessage            `json:"nonce"`
	Events    map[string]json.RawMessage `json:"events"`
}

// audience is one text or a list of them (RFC 7519, section 4.1.3).
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// date is a NumericDate (RFC 7519, section 2): seconds since 1970, perhaps with a fraction.
type date float64

// lastDate is the end of the year 9999, beyond which RFC 3339 can't write.
const lastDate = 253402300799

func (d date) valid() bool     { return d > 0 && d <= lastDate }
func (d date) time() time.Time { return time.UnixMilli(int64(float64(d) * 1e3)) }

// parseClaims reads a payload. It does not say whether the token is to be believed.
func parseClaims(payload []byte) (*claims, error) {
	c := new(claims)
	if !utf8.Valid(payload) || json.Unmarshal(payload, c) != nil {
		return nil, refuse(invalidRequest, "the payload is not a JSON object of claims, each once and of its type")
	}
	for _, d := range []*date{c.IssuedAt, c.NotBefore, c.Expires} {
		if d != nil && !d.valid() {
			return nil, refuse(invalidRequest, "a time is not in seconds since 1970")
		}
	}
	if c.Issuer == "" || c.ID == "" || c.IssuedAt == nil {
		return nil, refuse(invalidRequest, "iss, jti or iat is missing")
	}
	if len(c.Events) == 0 {
		return nil, refuse(invalidRequest, "events is missing or empty")
	}
	return c, nil
}

// check judges the claims that make a token one for us and for now.
func (c *claims) check(cfg *Config, now time.Time) error {
	issued := c.IssuedAt.time()
	switch {
	case c.Issuer != cfg.Issuer:
		return refuse(invalidIssuer, "another issuer")
	case !c.Audience.has(cfg.Audience):
		return refuse(invalidAudience, "another audience")
	case issued.After(now.Add(skew)):
		return refuse(invalidRequest, "iat is in the future")
	case issued.Before(now.Add(-maxAge)):
		return refuse(invalidRequest, "iat is more than a week ago")
	case c.NotBefore != nil && c.NotBefore.time().After(now.Add(skew)):
		return refuse(invalidRequest, "nbf is in the future")
	case c.Expires != nil && !c.Expires.time().After(now.Add(-skew)):
		return refuse(invalidRequest, "expired")
	}
	return nil
}

func (a audience) has(want string) bool {
	return slices.Contains(a, want)
}
