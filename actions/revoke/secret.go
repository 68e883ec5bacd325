package revoke

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Secret is a key of the receiver's (whsec_, symmetric) or of hijackd's own (whsk_, ed25519). It never prints itself.
type Secret struct {
	key     []byte             // of HMAC-SHA-256; nil where signing is set
	signing ed25519.PrivateKey // nil where key is set
}

// String hides the key.
func (s Secret) String() string {
	if s.signing != nil {
		return "whsk_…"
	}
	return "whsec_…"
}

// Format is String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue hides the key from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// ParseSecrets reads secrets separated by white space: one whsec_ (base64 of 24–64 bytes) or two while changing, and none, one or two
// whsk_ (base64 of an ed25519 private key: 64 bytes as most libraries write it, or its 32-byte seed).
func ParseSecrets(text string) ([]Secret, error) {
	var ss []Secret
	count := map[string]int{}
	for i, w := range strings.Fields(text) {
		prefix, b64, ok := strings.Cut(w, "_")
		if !ok || prefix != "whsec" && prefix != "whsk" {
			return nil, fmt.Errorf("secret %d does not begin with whsec_ or whsk_", i+1)
		}
		b, err := base64.StdEncoding.DecodeString(b64)
		if err != nil {
			return nil, fmt.Errorf("secret %d is not base64 behind %s_", i+1, prefix)
		}
		s, err := parseKey(prefix, b)
		if err != nil {
			return nil, fmt.Errorf("secret %d %w", i+1, err)
		}
		count[prefix]++
		ss = append(ss, s)
	}
	if n := count["whsec"]; n == 0 || n > 2 {
		return nil, fmt.Errorf("%d whsec_ secrets; want one, or two while changing", n)
	}
	if n := count["whsk"]; n > 2 {
		return nil, fmt.Errorf("%d whsk_ keys; want one, or two while changing", n)
	}
	return ss, nil
}

func parseKey(prefix string, b []byte) (Secret, error) {
	switch {
	case prefix == "whsec":
		if len(b) < 24 || len(b) > 64 {
			return Secret{}, fmt.Errorf("has %d bytes; Standard Webhooks wants 24 to 64", len(b))
		}
		return Secret{key: b}, nil
	case len(b) == ed25519.SeedSize:
		return Secret{signing: ed25519.NewKeyFromSeed(b)}, nil
	case len(b) != ed25519.PrivateKeySize:
		return Secret{}, fmt.Errorf("has %d bytes; an ed25519 key has 64, its seed 32", len(b))
	}
	key := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
	if !key.Equal(ed25519.PrivateKey(b)) {
		return Secret{}, errors.New("is no ed25519 key: its second half is not the first one's public key")
	}
	return Secret{signing: key}, nil
}
