package receive

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

const (
	maxKeySet = 256 << 10 // bytes of a JWK set, certificates included
	maxKeys   = 64
	minRSA    = 2048 // bits (RFC 7518, section 3.3)
	again     = time.Minute
	fetchTime = 10 * time.Second
	freshFor  = time.Hour      // then the set is read again, so that a withdrawn key stops counting
	usableFor = 24 * time.Hour // as long as it can't be read
)

// Keys are the public keys of an issuer. They are safe for concurrent use.
type Keys struct {
	url    string
	client *http.Client
	now    func() time.Time

	current  atomic.Pointer[keySet]
	fetching sync.Mutex
	tried    time.Time // guarded by fetching
}

type keySet struct {
	keys []jose.JSONWebKey
	at   time.Time
}

// ParseKeys reads a JWK set (RFC 7517) that does not change. Keys of kinds that no accepted algorithm uses are left out; a set without a
// usable key, or with a private one, is an error.
func ParseKeys(set []byte) (*Keys, error) {
	keys, err := parseKeys(set)
	if err != nil {
		return nil, err
	}
	k := new(Keys)
	k.current.Store(&keySet{keys: keys})
	return k, nil
}

// FetchKeys returns keys that are read from a URL when they are first needed, again after an hour, and for an unknown key id at most once
// a minute. Where the URL does not answer, the keys known last stay in use for a day.
func FetchKeys(url string, client *http.Client, now func() time.Time) *Keys {
	return &Keys{url: url, client: client, now: now}
}

// find returns the keys that a signature may be of: those with the id, or all that fit the algorithm where it names none.
func (k *Keys) find(ctx context.Context, id string, alg jose.SignatureAlgorithm) ([]jose.JSONWebKey, error) {
	set := k.current.Load()
	found := set.find(id, alg)
	if k.url == "" || len(found) > 0 && k.now().Sub(set.at) < freshFor {
		return known(found)
	}
	if len(found) > 0 && !k.fetching.TryLock() {
		return found, nil // somebody is reading it again already
	} else if len(found) == 0 {
		k.fetching.Lock()
	}
	defer k.fetching.Unlock()
	set = k.refresh(ctx, set)
	if set == nil || k.now().Sub(set.at) > usableFor {
		return nil, errUnavailable
	}
	return known(set.find(id, alg))
}

func known(found []jose.JSONWebKey) ([]jose.JSONWebKey, error) {
	if len(found) == 0 {
		return nil, refuse(invalidKey, "no such key of the issuer is known")
	}
	return found, nil
}

// refresh reads the set again, unless somebody just did, and returns the one in use. The caller holds fetching.
func (k *Keys) refresh(ctx context.Context, seen *keySet) *keySet {
	now := k.now()
	if k.current.Load() != seen || !k.tried.IsZero() && now.Sub(k.tried) < again {
		return k.current.Load()
	}
	k.tried = now
	if keys, err := k.fetch(ctx); err == nil {
		k.current.Store(&keySet{keys, now})
	}
	return k.current.Load()
}

func (k *Keys) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime) // the next sender needs the keys, too
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, errUnavailable
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := k.client.Do(req)
	if err != nil {
		return nil, errUnavailable
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err != nil || resp.StatusCode != http.StatusOK || len(body) > maxKeySet {
		return nil, errUnavailable
	}
	return parseKeys(body)
}

func parseKeys(set []byte) ([]jose.JSONWebKey, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(set, &raw); err != nil {
		return nil, errors.New("not a JWK set")
	}
	if len(raw.Keys) > maxKeys {
		return nil, errors.New("a JWK set of more than 64 keys")
	}
	var keys []jose.JSONWebKey
	for _, r := range raw.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(r, &k) != nil || k.Use != "" && k.Use != "sig" {
			continue
		}
		switch key := k.Key.(type) {
		case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
			return nil, errors.New("a JWK set with a private key")
		case *rsa.PublicKey:
			if key.N.BitLen() < minRSA {
				continue
			}
		case *ecdsa.PublicKey, ed25519.PublicKey:
		default:
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("a JWK set without a public key for signatures")
	}
	return keys, nil
}

func (s *keySet) find(id string, alg jose.SignatureAlgorithm) (found []jose.JSONWebKey) {
	if s == nil {
		return nil
	}
	for _, k := range s.keys {
		if (id == "" || k.KeyID == id) && (k.Algorithm == "" || k.Algorithm == string(alg)) && fits(k.Key, alg) {
			found = append(found, k)
		}
	}
	return found
}

// fits reports whether a key is of the kind that an algorithm uses.
func fits(key any, alg jose.SignatureAlgorithm) bool {
	switch key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(string(alg), "RS") || strings.HasPrefix(string(alg), "PS")
	case *ecdsa.PublicKey:
		return strings.HasPrefix(string(alg), "ES")
	case ed25519.PublicKey:
		return alg == jose.EdDSA
	}
	return false
}
