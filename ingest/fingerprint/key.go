package fingerprint

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
)

// ErrKid means that a key id is not 1–32 characters of A–Z, a–z, 0–9, dot, underscore and hyphen.
var ErrKid = errors.New("the key id is not 1 to 32 of the characters A-Z a-z 0-9 . _ -")

// Key is a pepper and its key id. It is immutable and safe for concurrent use; printing it shows the id only.
type Key struct {
	kid    string
	pepper []byte
}

// NewKey returns the key of a pepper, which is copied. Errors: ErrKid, ErrShort.
func NewKey(kid string, pepper []byte) (*Key, error) {
	if !validKid(kid) {
		return nil, ErrKid
	}
	if len(pepper) < MinPepper {
		return nil, ErrShort
	}
	return &Key{kid: kid, pepper: bytes.Clone(pepper)}, nil
}

// Kid is the key id that fingerprints carry.
func (k *Key) Kid() string { return k.kid }

// String names the key without its pepper.
func (k *Key) String() string { return "fingerprint key " + k.kid }

// GoString keeps the pepper out of %#v.
func (k *Key) GoString() string { return k.String() }

// Hasher returns a new Hasher of the key.
func (k *Key) Hasher() *Hasher {
	return &Hasher{prefix: "h1:" + k.kid + ":", mac: hmac.New(sha256.New, k.pepper)}
}

// Hasher computes fingerprints with one key. It reuses its state and is not safe for concurrent use.
type Hasher struct {
	prefix string
	mac    hash.Hash
	sum    [sha256.Size]byte
	text   [22]byte
}

// Len is the length of the key's fingerprints in bytes.
func (h *Hasher) Len() int { return len(h.prefix) + len(h.text) }

// Append appends the fingerprint of a token's bytes to dst. dst and token may share memory: the token is read first.
func (h *Hasher) Append(dst, token []byte) []byte {
	h.mac.Reset()
	h.mac.Write(token)
	h.mac.Sum(h.sum[:0])
	// The 16 bytes are taken first: cutting the base64 of all 32 gives another last character.
	base64.RawURLEncoding.Encode(h.text[:], h.sum[:16])
	dst = append(dst, h.prefix...)
	return append(dst, h.text[:]...)
}

// Fingerprint returns h1:<kid>:<22 characters> of a token's bytes.
func (h *Hasher) Fingerprint(token []byte) string {
	return string(h.Append(make([]byte, 0, 64), token))
}
