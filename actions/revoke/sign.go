package revoke

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// signature is the value of webhook-signature: for each secret "v1," and the base64 of HMAC-SHA-256 over id.timestamp.body
// (Standard Webhooks 1.0.0, "Signature scheme"), separated by spaces.
func signature(secrets []Secret, id string, at time.Time, body []byte) string {
	var parts []string
	for _, s := range secrets {
		h := hmac.New(sha256.New, s.key)
		h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		h.Write(body)
		parts = append(parts, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(parts, " ")
}
