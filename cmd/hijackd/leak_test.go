package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

func testHasher(t testing.TB) *fingerprint.Hasher {
	t.Helper()
	b, err := fingerprint.ParsePepper([]byte(pepper))
	if err != nil {
		t.Fatal(err)
	}
	key, err := fingerprint.NewKey("k1", b)
	if err != nil {
		t.Fatal(err)
	}
	return key.Hasher()
}

func h1(t testing.TB, token string) string { return testHasher(t).Fingerprint([]byte(token)) }

func jwt(claims string) string {
	return "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJlLUNBTkFSWQ"
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

func encoded64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// aHAR has one token of each kind; its order of members is that of nobody in particular. Every token contains CANARY.
var aHAR = `{"log": {"version": "1.2", "pages": [{"title": "CANARY-page-title-token"}], "entries": [
{"response": {"status": 200, "headers": [{"value": "id=CANARY-set-1; Path=/; HttpOnly\nother=CANARY-set-2", "name": "Set-Cookie"},
   {"name": "Location", "value": "https://app.example/cb#access_token=CANARY-fragment&state=CANARY-state"}],
   "cookies": [{"name": "id", "value": "CANARY-set-1"}], "redirectURL": "",
   "content": {"size": 9, "text": ` + quoted(`)]}'`+"\n"+`{"access_token": "CANARY-field", "nested": [{"refreshToken": "CANARY-refresh\u002dtoken"}], "name": "CANARY-harmless", "csrf_token": "CANARY-csrf", "raw": "`+jwt(`{"jti":"handle-7"}`)+`"}`) + `, "mimeType": "application/json"}},
 "request": {"method": "POST", "httpVersion": "h2", "headers": [
   {"name": "Cookie", "value": "sid=CANARY-cookie%2F1; theme=dark; q=\"CANARY-quoted\"; CANARY-nameless ;a\u001bb=CANARY-escape"},
   {"name": "authorization", "value": "bearer  CANARY-bearer"}, {"name": "X-API-Key", "value": "CANARY-api-key"}, {"name": "Accept", "value": "CANARY-accept"},
   {"name": "Referer", "value": "https://app.example/x;jsessionid=CANARY-path/y?sid=CANARY-referer"}],
   "queryString": [{"name": "id_token", "value": "CANARY query"}, {"name": "q", "value": "CANARY-search"}],
   "url": "https://user:CANARY-password@app.example:8443/p?id_token=CANARY%20query&page=CANARY-page",
   "postData": {"params": [{"name": "session_id", "value": "CANARY-param"}], "mimeType": "application/x-www-form-urlencoded", "text": "session_id=CANARY-param&password=CANARY-pw"}}},
{"request": {"url": "https://api.example/", "headers": [{"name": "Authorization", "value": "Basic Q0FOQVJZOkNBTkFSWQ=="}, {"name": "Authorization", "value": "CANARY-bare-credential"}]},
 "response": {"content": {"encoding": "base64", "mimeType": "text/html", "text": "` + encoded64(`<script>var t = "`+jwt(`{"sub":1}`)+`";</script>`) + `"}},
 "_webSocketMessages": [{"type": "send", "data": ` + quoted(`{"token": "CANARY-socket"}`) + `}]}
]}}`

// what a finder holds: of each candidate its first form and its places.
func places(f *leakFinder) map[string][]string {
	all := map[string][]string{}
	for _, l := range f.found {
		all[l.forms[0]] = l.places
	}
	return all
}

func TestHARIsSearched(t *testing.T) {
	f := newLeakFinder(testHasher(t))
	if err := readHAR(strings.NewReader(aHAR), f); err != nil {
		t.Fatal(err)
	}
	got := places(f)
	for token, want := range map[string]string{
		"CANARY-cookie%2F1":       `cookie "sid" to app.example`,
		"CANARY-quoted":           `cookie "q" to app.example`,
		"CANARY-nameless":         `cookie without a name to app.example`,
		"CANARY-escape":           `cookie "a�b" to app.example`,
		"CANARY-set-1":            `cookie "id" from app.example`,
		"CANARY-set-2":            `cookie "other" from app.example`,
		"CANARY-bearer":           `Authorization Bearer to app.example`,
		"CANARY-api-key":          `header "X-API-Key" to app.example`,
		"CANARY query":            `parameter "id_token" to app.example`,
		"CANARY%20query":          `parameter "id_token" to app.example`,
		"CANARY-fragment":         `parameter "access_token" from app.example`,
		"CANARY-path":             `path parameter jsessionid to app.example`,
		"CANARY-referer":          `parameter "sid" to app.example`,
		"CANARY-param":            `parameter "session_id" to app.example`,
		"CANARY-field":            `field "access_token" from app.example`,
		"CANARY-refresh-token":    `field "refreshToken" from app.example`,
		jwt(`{"jti":"handle-7"}`): `JWT in a body from app.example`,
		jwt(`{"sub":1}`):          `JWT in a body from api.example`,
		"CANARY-bare-credential":  `Authorization to api.example`,
		"CANARY-socket":           `field "token" with api.example`,
	} {
		form := h1(t, token)
		if !slices.Equal(got[form], []string{want}) {
			t.Errorf("%s: %q, want %q", token, got[form], want)
		}
		delete(got, form)
	}
	for form, where := range got {
		t.Errorf("%s is no token: %q", form, where)
	}
	sum := sha256.Sum256([]byte("CANARY-bearer"))
	for _, form := range []string{"id:handle-7", "sha256:" + hex.EncodeToString(sum[:])} {
		if !slices.ContainsFunc(f.found, func(l *leaked) bool { return slices.Contains(l.forms, form) }) {
			t.Errorf("nothing is looked up as %s", form)
		}
	}
}

// Wherever a HAR file ends, and whatever stands in it, no output, error or row holds a raw token.
func TestNoRawTokenLeaves(t *testing.T) {
	d := newDesk(t, false)
	inputs := []string{aHAR, aHAR[:len(aHAR)-3], "CANARY-of-a-list\nCANARY-other-token\n", "{CANARY-no-json", `{"CANARY": `, `{"log": CANARY}`, `{"log": {"entries": [{"CANARY-x" 1}]}}`, `{"a": "\u00CANARY"}`}
	for n := 0; n < len(aHAR); n += 97 {
		inputs = append(inputs, aHAR[:n], aHAR[:n]+"CANARY", aHAR[:n]+`"`)
	}
	for _, in := range inputs {
		for _, args := range [][]string{{"--format=text"}, {"--format=jsonl", "--all"}} {
			got := d.type_(in, append([]string{"leak", "-"}, args...)...)
			if got.code == 0 {
				t.Errorf("exit 0 without ClickHouse: %q", got.stdout)
			}
			for _, raw := range []string{"CANARY", "eyJhbGci", "Q0FOQVJZ"} {
				if strings.Contains(got.stdout+got.stderr, raw) {
					t.Fatalf("%s is in %q %q", raw, got.stdout, got.stderr)
				}
			}
		}
	}
	for _, args := range [][]string{{"leak", "eyJhbGci.CANARY.x"}, {"leak", "-", "--revoke"}, {"leak", "-", "--revoke", "--yes"}} {
		if got := d.type_("CANARY-of-a-list", args...); got.code != 2 || strings.Contains(got.stderr+got.stdout, "CANARY") {
			t.Errorf("%v: exit %d, %q", args, got.code, got.stderr)
		}
	}
}

func TestLeakWithoutClickHouseStillFingerprints(t *testing.T) {
	d := newDesk(t, false)
	got := d.type_("SESSION-01234567\nh1:k1:RaJMbMFAaRsshRqp6m8BFg\nshort\n", "leak", "-")
	if got.code != 1 || strings.Count(got.stdout, "h1:k1:RaJMbMFAaRsshRqp6m8BFg") != 1 || !strings.Contains(got.stdout, "line 1 (and 1 more)") || !strings.Contains(got.stderr, "looked up in ClickHouse") {
		t.Errorf("exit %d, %q, %q", got.code, got.stdout, got.stderr)
	}
	for _, none := range []string{"", "\n\n", "short\n"} {
		if got := d.type_(none, "leak", "-"); got.code != 2 || !strings.Contains(got.stderr, "no token in it") {
			t.Errorf("%q: exit %d, %q", none, got.code, got.stderr)
		}
	}
	if got := d.type_(`{"a": 1}`, "leak", "-"); got.code != 2 || !strings.Contains(got.stderr, "no HAR file") {
		t.Errorf("exit %d, %q", got.code, got.stderr)
	}
}

// leakDesk knows a live token of u-1 by its pepper, an expired one by SHA-256, a revoked one by its jti.
func leakDesk(t *testing.T) *desk {
	d := newDesk(t, true)
	sum := sha256.Sum256([]byte("CANARY-api-key"))
	expired := usage("sha256:"+hex.EncodeToString(sum[:]), "acme", "u-2", "sid-2", schema.SessionUsed, time.Hour)
	expired.ExpiresAt = time.Now().Add(-time.Minute).UnixNano()
	d.stores(usage(h1(t, "CANARY-cookie%2F1"), "", "u-1", "sid-1", schema.SessionUsed, time.Minute), expired,
		usage("id:handle-7", "", "u-3", "sid-3", schema.SessionRevoked, time.Minute))
	return d
}

func TestLeakShowsWhatLivesAndRevokesIt(t *testing.T) {
	d := leakDesk(t)
	got := d.type_("\ufeff "+aHAR, "leak", "-")
	if got.code != 0 || got.stderr != "" || !strings.Contains(got.stdout, "20 candidates, 3 of them known to hijackd, 1 live (--all shows the others)") {
		t.Errorf("exit %d, %q, %q", got.code, got.stdout, got.stderr)
	}
	lines := strings.Split(got.stdout, "\n")
	if len(lines) < 4 || !strings.HasPrefix(lines[1], h1(t, "CANARY-cookie%2F1")+" ") || !strings.Contains(lines[1], " live ") || !strings.Contains(lines[1], "u-1") || !strings.Contains(lines[1], `cookie "sid" to app.example`) ||
		!strings.Contains(lines[2], "expired  acme") || !strings.Contains(lines[3], "id:handle-7") || !strings.Contains(lines[3], "revoked") {
		t.Errorf("%s", got.stdout)
	}
	if len(d.orders()) != 0 {
		t.Fatal("ordered without anybody's yes")
	}
	all := d.type_(aHAR, "leak", "-", "--all", "--format=jsonl")
	states := map[string]int{}
	for line := range strings.Lines(all.stdout) {
		var l leakLine
		if err := json.Unmarshal([]byte(line), &l); err != nil || len(l.Found) == 0 {
			t.Errorf("%s: %v", line, err)
		}
		states[l.State]++
	}
	if fmt.Sprint(states) != "map[expired:1 live:1 revoked:1 unknown:17]" {
		t.Errorf("%v", states)
	}
	got = d.type_(aHAR, "leak", "-", "--revoke", "--yes", "--why=a leaked HAR file", "--by=ann")
	c := d.only()
	got.ordered(t, c)
	if c.Verb != schema.Revoke || len(c.Targets) != 1 || c.Targets[0].Token != h1(t, "CANARY-cookie%2F1") || c.Targets[0].Session != "sid-1" || c.By != "ann" || c.Why != "a leaked HAR file" {
		t.Errorf("%+v", c)
	}
	if got := d.type_(aHAR, "leak", "-", "--tenant=acme"); !strings.Contains(got.stdout, "1 of them known to hijackd, 0 live") {
		t.Errorf("%q", got.stdout)
	}
	broken := d.type_(aHAR[:len(aHAR)-3], "leak", "-", "--revoke", "--yes", "--why=x")
	if broken.code != 1 || !strings.Contains(broken.stderr, "not valid JSON near byte "+strconv.Itoa(len(aHAR)-3)) || !strings.Contains(broken.stdout, "ordered: revoke 1 token") {
		t.Errorf("exit %d, %q, %q", broken.code, broken.stdout, broken.stderr)
	}
}

// A HAR file of any size is read in the memory of its largest text.
func TestHARIsReadInBoundedMemory(t *testing.T) {
	body := strings.Repeat("<p>nothing here</p>", 50_000) // about 1 MB
	entry := `{"request": {"url": "https://app.example/"}, "response": {"content": {"mimeType": "text/html", "text": "` + body + `"}}}`
	var readers []io.Reader
	readers = append(readers, strings.NewReader(`{"log": {"entries": [`+entry))
	for range 150 {
		readers = append(readers, strings.NewReader(","), strings.NewReader(entry))
	}
	huge := strings.Repeat("x", 1<<20) // one text of 40 MiB
	readers = append(readers, strings.NewReader(`, {"request": {"url": "https://app.example/", "postData": {"text": "`))
	for range 40 {
		readers = append(readers, strings.NewReader(huge))
	}
	readers = append(readers, strings.NewReader(`"}}}, {"request": {"headers": [{"name": "Authorization", "value": "Bearer the-last-token"}], "url": "https://app.example/"}}]}}`))
	f := newLeakFinder(testHasher(t))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := readHAR(io.MultiReader(readers...), f)
	runtime.ReadMemStats(&after)
	if err != nil || len(f.found) != 1 || f.cut != 1 {
		t.Fatalf("%v, %d found, %d cut", err, len(f.found), f.cut)
	}
	if all := after.TotalAlloc - before.TotalAlloc; all > 80<<20 {
		t.Errorf("allocated %d MiB in all for a file of 180 MiB", all>>20)
	}
}

// strings of a text by encoding/json, keys and values in order.
func jsonStrings(data []byte) (all []string) {
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if err != nil {
			return all
		}
		if s, ok := token.(string); ok {
			all = append(all, s)
		}
	}
}

func ourStrings(data []byte, limit int) (all []string, err error) {
	r := newJSONReader(bytes.NewReader(data), limit)
	for {
		kind, err := r.next()
		if err != nil || kind == jsonEnd {
			return all, err
		}
		if kind == jsonKey || kind == jsonString {
			all = append(all, string(r.text))
		}
	}
}

// What encoding/json reads, the reader reads alike; nothing makes it fail otherwise than by an error that quotes nothing.
func checkJSON(t rapid.TB, data []byte) {
	t.Helper()
	got, err := ourStrings(data, 1<<20)
	if json.Valid(data) && jsonDepth(data) < maxJSONDepth {
		want := jsonStrings(data)
		if err != nil || utf8Valid(data) && !slices.Equal(got, want) {
			t.Fatalf("%q: %q, %v; want %q", data, got, err, want)
		}
	}
	if err != nil && !strings.HasPrefix(err.Error(), "not valid JSON near byte ") {
		t.Fatalf("%q: %v", data, err)
	}
	if cut, _ := ourStrings(data, 3); len(cut) != len(got) && err == nil {
		t.Fatalf("%q: %d strings when cut, %d else", data, len(cut), len(got))
	}
}

func utf8Valid(data []byte) bool { return strings.ToValidUTF8(string(data), "") == string(data) }

func jsonDepth(data []byte) (most int) {
	n := 0
	for _, c := range data {
		switch c {
		case '{', '[':
			n++
		case '}', ']':
			n--
		}
		most = max(most, n)
	}
	return most
}

func TestJSONReader(t *testing.T) {
	for _, text := range []string{aHAR, `{}`, `[]`, `""`, `1`, `null`, ` [1, -2.5e+7, true, {"a": [[]]}, "b"] `, `"\ud83d\ude00 \ud83d \ude00 \ud83dx \ud83d\u0041 \"\\\/\b\f\n\r\t"`, `"é€"`,
		``, `{`, `[1,]`, `{"a":}`, `{"a" 1}`, `{,}`, `]`, `{"a":1]`, `[}`, `1 2`, `"a" "b"`, `{"a":1,}`, `"\x"`, `"\u12`, `"\u12g4"`, `"\ud83d\u12g4"`, `tru"e"`, "\x00", `{1:2}`,
		strings.Repeat("[", 300), strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
		checkJSON(t, []byte(text))
	}
	for _, bad := range []string{``, `{`, `[1,]`, `{"a":}`, `]`, `{"a":1]`, `1 2`, `"\x"`, `{"a":1,}`, strings.Repeat("[", 300)} {
		if _, err := ourStrings([]byte(bad), 100); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzJSONReader(f *testing.F) {
	f.Add([]byte(aHAR))
	f.Add([]byte(`["\ud83d\ude00", {"a": 1e9}, "\ud83d"]`))
	f.Fuzz(func(t *testing.T, data []byte) { checkJSON(t, data) })
}

// mutated draws a text made of pieces of a HAR file, with bytes changed.
func mutated(t *rapid.T) []byte {
	var out []byte
	for range rapid.IntRange(1, 6).Draw(t, "pieces") {
		from := rapid.IntRange(0, len(aHAR)).Draw(t, "from")
		out = append(out, aHAR[from:rapid.IntRange(from, len(aHAR)).Draw(t, "to")]...)
	}
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		if len(out) > 0 {
			out[rapid.IntRange(0, len(out)-1).Draw(t, "at")] = rapid.SampledFrom([]byte("\"\\{}[]:,u0;=%.&#\x00\xff")).Draw(t, "byte")
		}
	}
	return out
}

func TestMutatedHARs(t *testing.T) {
	hasher := testHasher(t)
	rapid.Check(t, func(rt *rapid.T) {
		data := mutated(rt)
		checkJSON(rt, data)
		checkHAR(rt, hasher, data)
	})
}

// Whatever a HAR file is, reading it ends, and every candidate is a set of fingerprints with places that are safe to show.
func FuzzHAR(f *testing.F) {
	f.Add([]byte(aHAR))
	f.Add([]byte(aHAR[:len(aHAR)/2]))
	f.Add([]byte(`{"entries": [{"request": {"postData": {"text": "{\"token\": \"12345678\"}"}}}]}`))
	hasher := testHasher(f)
	f.Fuzz(func(t *testing.T, data []byte) { checkHAR(t, hasher, data) })
}

func checkHAR(t rapid.TB, hasher *fingerprint.Hasher, data []byte) {
	t.Helper()
	found := newLeakFinder(hasher)
	err := readHAR(bytes.NewReader(data), found)
	if err != nil && !strings.HasPrefix(err.Error(), "not valid JSON near byte ") && !strings.HasPrefix(err.Error(), "it is JSON") {
		t.Fatalf("%v", err)
	}
	if len(found.pending) > 0 {
		t.Fatal("places without a host")
	}
	for _, l := range found.found {
		for _, form := range l.forms {
			if !fingerprint.Valid(form) {
				t.Fatalf("%q is no fingerprint", form)
			}
		}
		for _, where := range l.places {
			if string(schema.CleanText(where, 1000)) != where {
				t.Fatalf("%q is not safe to show", where)
			}
		}
	}
}
