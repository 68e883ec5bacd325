package caep

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// minRSA is the least size of an RSA key in bits (RFC 7518, section 3.3; CAEP Interoperability Profile 1.0).
const minRSA = 2048

// parseKeys reads private keys in PEM. Its errors quote nothing of them.
func parseKeys(text string) ([]jose.JSONWebKey, error) {
	var keys []jose.JSONWebKey
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "EC PARAMETERS" { // openssl ecparam -genkey writes them in front
			continue
		}
		k, err := parseKey(block)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(keys)+1, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("holds no private key in PEM")
	}
	return keys, nil
}

func parseKey(block *pem.Block) (jose.JSONWebKey, error) {
	k := jose.JSONWebKey{Use: "sig"}
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		k.Key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		k.Key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		k.Key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return k, errors.New("not an unencrypted private key")
	}
	if err != nil {
		return k, errors.New("can't be read") // not wrapped: nothing that touched the key goes any further
	}
	switch key := k.Key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < minRSA {
			return k, fmt.Errorf("an RSA key of %d bits; at least %d are needed", key.N.BitLen(), minRSA)
		}
		k.Algorithm = string(jose.RS256)
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() {
			return k, errors.New("an EC key that is not on P-256")
		}
		k.Algorithm = string(jose.ES256)
	default:
		return k, errors.New("neither RSA nor EC")
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return k, errors.New("has no thumbprint")
	}
	k.KeyID = base64.RawURLEncoding.EncodeToString(sum) // RFC 7638
	return k, nil
}

// keySet is the JWK set of the public keys.
func keySet(keys []jose.JSONWebKey) ([]byte, error) {
	var set jose.JSONWebKeySet
	for _, k := range keys {
		p := k.Public()
		if !p.Valid() || !p.IsPublic() {
			return nil, errors.New("a key without a public part")
		}
		set.Keys = append(set.Keys, p)
	}
	return json.Marshal(set)
}

// ServeHTTP answers with the JWK set (RFC 7517) that receivers verify the tokens with: public keys only.
func (t *Transmitter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(t.set) // a reader that went away asks again
}
