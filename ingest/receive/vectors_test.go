package receive

import (
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRFC8417Examples reads the claims sets of RFC 8417, section 2.1, and the unsigned token of section 2.2.
func TestRFC8417Examples(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", "rfc8417", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	scimFeeds := []string{"https://jhub.example.com/Feeds/98d52461fa5bbc879593b7754", "https://jhub.example.com/Feeds/5d7604516b1d08641d7676ee7"}
	for _, c := range []struct {
		file, issuer, id string
		issued           int64
		audience         []string
		events           []string
	}{
		{"figure-1-scim.json", "https://scim.example.com", "3d0c3cf797584bd193bd0fb1bd4e7d30", 1458496025, scimFeeds,
			[]string{"https://example.com/scim/event/passwordResetExt", "urn:ietf:params:scim:event:passwordReset"}},
		{"figure-2-logout.json", "https://server.example.com", "bWJq", 1471566154, []string{"s6BhdRkqt3"}, []string{backChannelLogout}},
		{"figure-3-consent.json", "https://my.med.example.org", "fb4e75b5411e4e19b6c0fe87950f7749", 1458496025, []string{"https://rp.example.com"},
			[]string{"https://openid.net/heart/specs/consent.html"}},
		{"figure-4-risc.json", "https://idp.example.com/", "756E69717565206964656E746966696572", 1508184845, []string{"636C69656E745F6964"},
			[]string{"https://schemas.openid.net/secevent/risc/event-type/account-disabled"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			got, err := parseClaims(read(c.file))
			if err != nil {
				t.Fatal(err)
			}
			var events []string
			for e := range got.Events {
				events = append(events, e)
			}
			slices.Sort(events)
			if got.Issuer != c.issuer || got.ID != c.id || got.IssuedAt.time().Unix() != c.issued || !slices.Equal(got.Audience, c.audience) || !slices.Equal(events, c.events) {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("the logout example is a logout", func(t *testing.T) {
		e, err := readLogoutToken(&Config{Issuer: "https://server.example.com", Audience: "s6BhdRkqt3"}, read("figure-2-logout.json"), time.Unix(1471566154, 0))
		if err != nil || e.Session != "08a5019c-17e1-4977-8f42-65a12843ea02" || e.User != "248289761001" {
			t.Errorf("%+v, %v", e, err)
		}
	})
	t.Run("the unsigned token", func(t *testing.T) {
		token := strings.TrimSpace(string(read("unsigned.jwt")))
		_, payload, _ := strings.Cut(token, ".")
		claims, err := base64.RawURLEncoding.DecodeString(strings.TrimSuffix(payload, "."))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseClaims(claims); err != nil || got.ID != "4d3559ec67504aaba65d40b0363faad8" {
			t.Errorf("its claims: %+v, %v", got, err)
		}
		h := Events(Config{Issuer: "https://scim.example.com", Audience: "https://scim.example.com/Feeds/98d52461fa5bbc879593b7754"},
			deps(newSender(t).keys(t), new(log), io.Discard))
		if status, code, _ := push(t, h, "application/secevent+jwt", token); status != 400 || code != invalidKey {
			t.Errorf("taken as a token: %d %s", status, code)
		}
	})
}
