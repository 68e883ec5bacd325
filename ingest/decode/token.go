package decode

import (
	"bytes"

	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

// tokens are the texts of token and previous_token, which may be raw tokens.
type tokens struct {
	token, previous []byte
	raw             bool // one of them is
}

// leastSecret is the length in bytes from which a raw token is searched for in the rest of its record. Shorter ones are no
// credentials but somebody's test data, and would be found everywhere.
const leastSecret = 16

func (d *Decoder) setToken(to *[]byte, f field) Reason {
	v, ok := d.text(f)
	if !ok {
		return WrongType
	}
	fingerprint.Canonical(v)
	d.tokens.raw = d.tokens.raw || !fingerprint.Valid(alias(v))
	*to = v
	return 0
}

// settleTokens gives the event its tokens. Raw ones are replaced first, and overwritten wherever the record holds them.
func (d *Decoder) settleTokens(e *schema.Event) bool {
	e.Token, e.PreviousToken = alias(d.tokens.token), alias(d.tokens.previous)
	if !d.tokens.raw {
		return true
	}
	if e.Type.IsNote() {
		// hijackd's own notes hold fingerprints only; and a note's text could not be searched without breaking its JSON.
		return d.refuse(BadValue, fToken)
	}
	e.RawToken = true
	e.Token, e.PreviousToken = d.fingerprintOf(d.tokens.token), d.fingerprintOf(d.tokens.previous)
	for _, raw := range [...][]byte{d.tokens.token, d.tokens.previous} {
		if len(raw) == 0 || fingerprint.Valid(alias(raw)) {
			continue
		}
		d.counts.RawTokens++
		if len(raw) >= leastSecret {
			secret := bytes.Clone(raw)
			mask(d.b, secret)
			mask(d.cloud.id, secret)
			clear(secret)
		}
		clear(raw)
	}
	return true
}

// fingerprintOf returns a copy of a fingerprint, or the fingerprint of a raw token.
func (d *Decoder) fingerprintOf(text []byte) string {
	if len(text) == 0 || fingerprint.Valid(alias(text)) {
		return string(text)
	}
	return d.hasher.Fingerprint(text)
}

// mask overwrites each place of b that holds the secret. A path may hold the token of its request, and a careless producer sends
// the session id as an event id.
func mask(b, secret []byte) {
	for {
		i := bytes.Index(b, secret)
		if i < 0 {
			return
		}
		for j := range secret {
			b[i+j] = '*'
		}
		b = b[i+len(secret):]
	}
}
