package slack

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/schema"
)

func TestSealedOrdersComeBack(t *testing.T) {
	seal := newSealer("token")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 40, 60)
		o := order{Verb: schema.Revoke, Tenant: text.Draw(t, "tenant"), Incident: text.Draw(t, "incident"), Round: rapid.Int().Draw(t, "round")}
		for range rapid.IntRange(0, 4).Draw(t, "actions") {
			o.Actions = append(o.Actions, text.Draw(t, "action"))
		}
		for range rapid.IntRange(0, 3).Draw(t, "targets") {
			o.Targets = append(o.Targets, schema.Target{Token: text.Draw(t, "token"), User: text.Draw(t, "user"), Session: text.Draw(t, "session"),
				Epoch: rapid.Int().Draw(t, "epoch"), Partition: rapid.Int32().Draw(t, "partition")})
		}
		got, err := seal.open(pressRevoke, seal.seal(pressRevoke, o))
		if err != nil || !reflect.DeepEqual(got, o) {
			t.Fatalf("%+v, %v; want %+v", got, err, o)
		}
	})
}

// Nobody but who has the bot token can say what a click orders.
func TestForgedValuesAreRefused(t *testing.T) {
	seal := newSealer("token")
	o := order{Verb: schema.Acknowledge, Tenant: "acme", Incident: "inc_1"}
	value := seal.seal(pressAcknowledge, o)
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.open(pressAcknowledge, value); err != nil {
		t.Fatal(err)
	}
	forged := map[string]string{
		"empty": "", "no base64": "!" + value[1:], "too long": strings.Repeat("A", 2001), "the seal alone": value[:22],
		"another token's": newSealer("other").seal(pressAcknowledge, o), "another button's": seal.seal(pressRevoke, o), "unsealed": base64.RawURLEncoding.EncodeToString(o.encode()),
	}
	for i := range raw {
		b := []byte(string(raw))
		b[i] ^= 1
		forged["changed at "+string(rune('a'+i))] = base64.RawURLEncoding.EncodeToString(b)
	}
	for name, v := range forged {
		if got, err := seal.open(pressAcknowledge, v); err == nil {
			t.Errorf("%s: taken for %+v", name, got)
		}
	}
}

// FuzzOrder: whatever is sealed, decoding it neither panics nor takes more than it holds.
func FuzzOrder(f *testing.F) {
	o := order{Verb: schema.Revoke, Tenant: "t", Incident: "i", Actions: []string{"a"}, Targets: []schema.Target{{Token: "x", Epoch: 3, Partition: -1}}}
	f.Add(o.encode())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := decodeOrder(b)
		if err != nil {
			return
		}
		again, err := decodeOrder(o.encode())
		if err != nil || !reflect.DeepEqual(o, again) {
			t.Errorf("%+v, then %+v, %v", o, again, err)
		}
	})
}
