package revoke

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func parse(t *testing.T, text string) []Secret {
	t.Helper()
	ss, err := ParseSecrets(text)
	if err != nil {
		t.Fatal(err)
	}
	return ss
}

// The vector that the Standard Webhooks libraries publish and test themselves against (webhook_test.go of the Go one, tests of the others).
func TestPublishedVectorOfStandardWebhooks(t *testing.T) {
	const (
		secret, id = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
		payload    = `{"test": 2432232314}`
		want       = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	)
	at := time.Unix(1614265330, 0)
	if got := signature(parse(t, secret), id, at, []byte(payload)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	official, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err := official.Sign(id, at, []byte(payload)); err != nil || theirs != want {
		t.Errorf("the official library signs %s, %v", theirs, err)
	}
}

// What we sign the official library verifies, and what it signs is what we sign.
func TestSignaturesAgreeWithTheOfficialLibrary(t *testing.T) {
	at := time.Now()
	for _, body := range []string{"", "{}", `{"summary":"Paris → Tokyo"}`, strings.Repeat("x", 20_000), "a.b.c\n\x00"} {
		ours := signature(parse(t, newSecret+" "+oldSecret), "act_1.2", at, []byte(body))
		for _, secret := range []string{oldSecret, newSecret} {
			official, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{}
			h.Set("webhook-id", "act_1.2")
			h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
			h.Set("webhook-signature", ours)
			if err := official.Verify([]byte(body), h); err != nil {
				t.Errorf("%q: %v", body, err)
			}
			if theirs, err := official.Sign("act_1.2", at, []byte(body)); err != nil || !strings.Contains(ours, theirs) {
				t.Errorf("%q: theirs %s, ours %s", body, theirs, ours)
			}
		}
	}
}

// The key of RFC 8032's first test vector (7.1), whole and as its seed; the signature covers id.timestamp.body and verifies with whpk_.
func TestAsymmetricSignature(t *testing.T) {
	seed, _ := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	public, _ := hex.DecodeString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
	body, at := []byte(`{"type":"webhook.test"}`), time.Unix(1614265330, 0)
	var all []string
	for _, key := range [][]byte{seed, append(seed[:32:32], public...)} {
		got := signature(parse(t, oldSecret+"\nwhsk_"+base64.StdEncoding.EncodeToString(key)+"\n"), "msg_1", at, body)
		all = append(all, got)
		v1, v1a, ok := strings.Cut(got, " v1a,")
		sig, err := base64.StdEncoding.DecodeString(v1a)
		if !ok || err != nil || !strings.HasPrefix(v1, "v1,") {
			t.Fatalf("got %s", got)
		}
		if !ed25519.Verify(public, append([]byte("msg_1.1614265330."), body...), sig) {
			t.Error("the signature does not verify")
		}
	}
	if all[0] != all[1] {
		t.Error("a key and its seed sign differently")
	}
}

func TestParseSecrets(t *testing.T) {
	key := func(prefix string, n int) string {
		return prefix + base64.StdEncoding.EncodeToString(make([]byte, n))
	}
	for text, want := range map[string]string{
		key("whsec_", 24): "", key("whsec_", 64): "", key("whsec_", 23): "24 to 64", key("whsec_", 65): "24 to 64",
		key("whsec_", 32) + "\r\n" + key("whsec_", 33): "", strings.Repeat(key("whsec_", 32)+"\n", 3): "3 whsec_ secrets",
		key("whsk_", 32): "0 whsec_ secrets", key("whsec_", 32) + " " + key("whsk_", 32): "",
		key("whsec_", 32) + strings.Repeat(" "+key("whsk_", 32), 3): "3 whsk_ keys",
		key("whsec_", 32) + " " + key("whsk_", 33):                  "33 bytes", key("whsec_", 32) + " " + key("whsk_", 64): "no ed25519 key",
		"": "0 whsec_ secrets", "whsec_!": "not base64", "whpk_AAAA": "does not begin", "AAAA": "does not begin", "sec_": "does not begin",
	} {
		_, err := ParseSecrets(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
