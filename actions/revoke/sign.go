package revoke

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// signature is the value of webhook-signature: for each secret "v1," and the base64 of HMAC-SHA-256, or "v1a," and that of ed25519,
// over id.timestamp.body (Standard Webhooks 1.0.0, "Signature scheme"), separated by spaces.
func signature(secrets []Secret, id string, at time.Time, body []byte) string {
	signed := append([]byte(id+"."+strconv.FormatInt(at.Unix(), 10)+"."), body...)
	var parts []string
	for _, s := range secrets {
		if s.signing != nil {
			parts = append(parts, "v1a,"+base64.StdEncoding.EncodeToString(ed25519.Sign(s.signing, signed)))
			continue
		}
		h := hmac.New(sha256.New, s.key)
		h.Write(signed)
		parts = append(parts, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(parts, " ")
}
