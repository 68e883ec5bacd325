package receive

import "errors"

// Codes of RFC 8935, section 2.4.
const (
	invalidRequest       = "invalid_request"
	invalidKey           = "invalid_key"
	invalidIssuer        = "invalid_issuer"
	invalidAudience      = "invalid_audience"
	authenticationFailed = "authentication_failed"
)

// refusal says why a token is not accepted, in words of our own.
type refusal struct{ code, text string }

func (r *refusal) Error() string { return r.code + ": " + r.text }

func refuse(code, text string) error { return &refusal{code, text} }

// errUnavailable says that a token can't be judged now, and may be sent again.
var errUnavailable = errors.New("the issuer's keys can't be read")
