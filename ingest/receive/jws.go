package receive

import (
	"context"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// maxToken bounds a token in bytes, and with it the work that a stranger can cause.
const maxToken = 64 << 10

// algorithms are the signatures that are believed: none by shared secret, and no "none" (RFC 8725, sections 2.1 and 3.1).
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// open verifies a token's signature and returns its payload and the type in its header, without application/ and in lower case.
func open(ctx context.Context, keys *Keys, token string) (payload []byte, typ string, err error) {
	if len(token) > maxToken {
		return nil, "", refuse(invalidRequest, "the token is too large")
	}
	t, err := jose.ParseSignedCompact(token, algorithms)
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &algorithm):
		return nil, "", refuse(invalidKey, "the signature's algorithm is not accepted")
	case err != nil || len(t.Signatures) != 1:
		return nil, "", refuse(invalidRequest, "not a signed token in compact form")
	}
	h := t.Signatures[0].Protected
	found, err := keys.find(ctx, h.KeyID, jose.SignatureAlgorithm(h.Algorithm))
	if err != nil {
		return nil, "", err
	}
	for _, k := range found {
		if payload, err = t.Verify(k); err == nil {
			return payload, kind(h.ExtraHeaders[jose.HeaderType]), nil
		}
	}
	return nil, "", refuse(authenticationFailed, "the signature does not verify")
}

// kind is a media type as the typ header abbreviates it (RFC 7515, section 4.1.9).
func kind(typ any) string {
	s, _ := typ.(string)
	return strings.TrimPrefix(strings.ToLower(s), "application/")
}
