package decode

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hijackd/hijackd/schema"
)

const canary = "CANARY.eyJhbGciOiJIUzI1NiJ9.e30.signature"

func TestRawTokens(t *testing.T) {
	h := testHasher(t)
	hashed := h.Fingerprint([]byte(canary))
	for _, c := range []struct{ name, token, want string }{
		{"a raw token", canary, hashed},
		{"with escapes", strings.ReplaceAll(canary, "A", `\u0041`), hashed},
		{"an almost fingerprint", fp[:27], h.Fingerprint([]byte(fp[:27]))},
		{"a fingerprint", fp, fp},
		{"upper-case digest", "sha256:" + strings.Repeat("AB", 32), "sha256:" + strings.Repeat("ab", 32)},
		{"an id", "id:" + canary, "id:" + canary},
		{"a short one", "x", h.Fingerprint([]byte("x"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, r := agree(t, New(testHasher(t), 0), record(strings.Replace(bare, fp, c.token, 1)+`,"type":"session.rotated","previous_token":"`+c.token+`"}`))
			if r != nil || e.Token != c.want || e.PreviousToken != c.want || e.RawToken != (c.want != c.token && !strings.HasPrefix(c.token, "sha256:")) {
				t.Errorf("%v: %s, %s, raw %v", r, e.Token, e.PreviousToken, e.RawToken)
			}
		})
	}
}

// TestRawTokenIsNowhere puts the token of an event into every other field of it as well.
func TestRawTokenIsNowhere(t *testing.T) {
	var all map[string]any
	if err := json.Unmarshal([]byte(full), &all); err != nil {
		t.Fatal(err)
	}
	geo := all["geo"].(map[string]any)
	for _, object := range []map[string]any{all, geo} {
		for name, v := range object {
			if name == "token" || name == "previous_token" {
				object[name] = canary
			} else if _, isText := v.(string); isText && specs[eventNames[name]].form != timestamp && name != "type" && name != "ip" {
				object[name] = "a " + canary + " b"
			}
		}
	}
	geo["city"], geo["as_org"], all["unknown"] = canary, canary+canary, canary
	all["path"] = "/" + strings.Repeat("x", 2030) + canary // its cut goes through the token
	value, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, headers := range [][]schema.Header{nil, {{Key: "ce_id", Value: []byte("x" + canary)}}} {
		rec := record(string(value))
		rec.Headers = headers
		var e schema.Event
		if r := New(testHasher(t), 0).Decode(rec, &e); r != nil {
			t.Fatal(r)
		}
		if s := fmt.Sprintf("%+v", e); strings.Contains(s, "CANARY") || strings.Contains(s, "signature") || !e.RawToken {
			t.Errorf("the event shows the token: %s", s)
		}
		if strings.Contains(string(rec.Value), canary) {
			t.Errorf("the value still holds the token: %s", rec.Value)
		}
		if e.Token != testHasher(t).Fingerprint([]byte(canary)) {
			t.Errorf("token %s", e.Token)
		}
	}
}

func TestShortRawTokenIsOverwritten(t *testing.T) {
	rec := record(strings.Replace(bare, fp, "tok<en>7", 1) + `,"user":"tok<en>7 is too short to look for"}`)
	var e schema.Event
	if r := New(testHasher(t), 0).Decode(rec, &e); r != nil || !strings.HasPrefix(e.User, "tok<en>7") {
		t.Fatalf("%v, %+v", r, e)
	}
	if strings.Contains(string(rec.Value), `"tok<en>7"`) {
		t.Errorf("%q", rec.Value)
	}
}

// TestRejectsShowNothing damages records that hold the canary everywhere, and looks for it in what comes out.
func TestRejectsShowNothing(t *testing.T) {
	bad := []string{canary, `"` + canary + `"`, `{"` + canary + `":`, `["` + canary + `"]`, `{"` + canary + `":1,"` + canary + `":2}`, "{" + canary + "}", "\x00" + canary, "\xff" + canary}
	for f := range sKind {
		name := specs[f].name
		for _, v := range []string{`"` + canary + `"`, `"` + strings.Repeat(canary, 60) + `"`, `{"` + canary + `":"` + canary + `"}`, `["` + canary + `"]`, `"` + canary, `"\x` + canary + `"`, canary} {
			member := `"` + name + `":` + v
			if f >= gCountry {
				member = `"geo":{` + member + `}`
			}
			bad = append(bad, `{`+member+`}`, `{`+member+`,`+member+`}`, `{"token":"`+canary+`",`+member+`}`, bare+`,`+member+`}`,
				`{"specversion":"1.0","id":"`+canary+`","data":{`+member+`}}`)
		}
	}
	d := New(testHasher(t), 0)
	rejected := 0
	for _, value := range bad {
		rec := record(value)
		rec.Key = []byte(canary)
		rec.Headers = []schema.Header{{Key: "traceparent", Value: []byte(canary)}, {Key: canary, Value: nil}}
		var e schema.Event
		r := d.Decode(rec, &e)
		if r == nil {
			continue
		}
		rejected++
		letter := DeadLetter(nil, "session-events", 3, record(value), r)
		for _, shown := range []string{string(letter), r.String(), r.Field, fmt.Sprintf("%+v", *r)} {
			if strings.Contains(shown, "CANARY") || strings.Contains(shown, "eyJ") {
				t.Fatalf("%s shows the token of %s", shown, value)
			}
		}
		var parsed struct {
			Reason, Field, Topic     string
			Partition, Offset, Bytes int
			Time                     string
		}
		if err := json.Unmarshal(letter, &parsed); err != nil {
			t.Fatalf("%v: %s", err, letter)
		}
		if parsed.Reason != r.Reason.String() || parsed.Field != r.Field || parsed.Topic != "session-events" || parsed.Partition != 3 ||
			parsed.Offset != 42 || parsed.Bytes != len(value) || parsed.Time != "2026-11-21T10:00:01Z" {
			t.Fatalf("%s", letter)
		}
	}
	if rejected < 800 {
		t.Errorf("only %d records were rejected", rejected)
	}
}
