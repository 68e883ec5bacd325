package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestVectors(t *testing.T) {
	content, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		PepperHex map[string]string `json:"pepper_hex"`
		Vectors   []struct {
			Name           string `json:"name"`
			TokenHex       string `json:"token_hex"`
			TokenHexRepeat []any  `json:"token_hex_repeat"`
			H1K1           string `json:"h1_k1"`
			H1K2           string `json:"h1_k2"`
			SHA256         string `json:"sha256"`
		} `json:"vectors"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	hashers := map[string]*Hasher{}
	for kid, text := range file.PepperHex {
		pepper, err := ParsePepper([]byte("hex:" + text + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		key, err := NewKey(kid, pepper)
		if err != nil {
			t.Fatal(err)
		}
		hashers[kid] = key.Hasher()
	}
	if len(file.Vectors) < 9 {
		t.Fatalf("%d vectors, want at least 9", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			token, err := hex.DecodeString(v.TokenHex)
			if err != nil {
				t.Fatal(err)
			}
			if len(v.TokenHexRepeat) == 2 {
				b, _ := hex.DecodeString(v.TokenHexRepeat[0].(string))
				token = bytes.Repeat(b, int(v.TokenHexRepeat[1].(float64)))
			}
			if got := hashers["k1"].Fingerprint(token); got != v.H1K1 || !Valid(got) {
				t.Errorf("k1: %s, want %s", got, v.H1K1)
			}
			if got := hashers["k2"].Fingerprint(token); got != v.H1K2 || !Valid(got) {
				t.Errorf("k2: %s, want %s", got, v.H1K2)
			}
			if sum := sha256.Sum256(token); "sha256:"+hex.EncodeToString(sum[:]) != v.SHA256 || !Valid(v.SHA256) {
				t.Errorf("sha256 form %s", v.SHA256)
			}
		})
	}
}

func TestPepperFile(t *testing.T) {
	raw := strings.Repeat("p", 32)
	for _, c := range []struct {
		name, content, pepper string
		err                   error
	}{
		{"as it is", raw, raw, nil},
		{"line break", raw + "\n", raw, nil},
		{"CRLF, twice", raw + "\r\n\r\n", raw, nil},
		{"inner and leading line breaks stay", "\n" + raw, "\n" + raw, nil},
		{"spaces stay", raw + " \n", raw + " ", nil},
		{"hex digits without a prefix are the pepper", strings.Repeat("ab", 32), strings.Repeat("ab", 32), nil},
		{"hex", "hex:" + strings.Repeat("6A", 32) + "\n", strings.Repeat("j", 32), nil},
		{"base64", "base64:cHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHA=\n", raw, nil},
		{"base64 without padding", "base64:cHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHA", raw, nil},
		{"empty", "\n", "", ErrShort},
		{"31 bytes", raw[1:] + "\n", "", ErrShort},
		{"hex of 31 bytes", "hex:" + strings.Repeat("6a", 31), "", ErrShort},
		{"odd hex", "hex:" + strings.Repeat("6a", 40) + "6", "", ErrEncoding},
		{"not hex", "hex:" + strings.Repeat("SECRET", 12), "", ErrEncoding},
		{"not base64", "base64:" + strings.Repeat("SEC*RET", 12), "", ErrEncoding},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pepper")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadPepper(path)
			if !errors.Is(err, c.err) || string(got) != c.pepper {
				t.Fatalf("%q, %v; want %q, %v", got, err, c.pepper, c.err)
			}
			if err != nil && (strings.Contains(err.Error(), "SEC") || !strings.Contains(err.Error(), path)) {
				t.Errorf("the error shows the content, or not the path: %v", err)
			}
		})
	}
}

func TestPepperFileTooLargeOrMissing(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadPepper(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	path := filepath.Join(dir, "large")
	if err := os.WriteFile(path, make([]byte, maxPepperFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPepper(path); err == nil {
		t.Error("a file over the limit was accepted")
	}
}

func TestKeyRefusesAndHides(t *testing.T) {
	pepper := []byte(strings.Repeat("SECRET!!", 4))
	for _, kid := range []string{"", "a:b", "k 1", "é", strings.Repeat("k", 33)} {
		if _, err := NewKey(kid, pepper); !errors.Is(err, ErrKid) {
			t.Errorf("kid %q: %v", kid, err)
		}
	}
	if _, err := NewKey("k1", pepper[1:]); !errors.Is(err, ErrShort) {
		t.Errorf("short pepper: %v", err)
	}
	key, err := NewKey("k1", pepper)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, key); strings.Contains(s, "SECRET") || !strings.Contains(s, "k1") {
			t.Errorf("%s shows %s", format, s)
		}
	}
}

func TestForms(t *testing.T) {
	fp := strings.Repeat("Ab_-", 5) + "9A"
	digest := strings.Repeat("0f", 32)
	for _, form := range []string{"h1:k1:" + fp, "h1:" + strings.Repeat("k", 32) + ":" + fp, "h1:a.b_c-D:" + fp,
		"sha256:" + digest, "id:x", "id:" + strings.Repeat("x", 128), "id:a b:c"} {
		if !Valid(form) {
			t.Errorf("%q refused", form)
		}
	}
	for _, form := range []string{"", "h1:", "h1:k1", "h1:k1:", "h1::" + fp, "h1:k1:" + fp[1:], "h1:k1:" + fp + "A", "h1:k1:" + fp[1:] + "+",
		"h1:k 1:" + fp, "h1:" + strings.Repeat("k", 33) + ":" + fp, "H1:k1:" + fp, " h1:k1:" + fp, "h1:k1:" + fp + "\n",
		"sha256:" + digest[1:], "sha256:" + digest + "0", "sha256:" + strings.ToUpper(digest), "sha256:" + digest[1:] + "g", "SHA256:" + digest,
		"id:", "id:" + strings.Repeat("x", 129), "ID:x", "eyJhbGciOiJIUzI1NiJ9.e30.x", digest} {
		if Valid(form) {
			t.Errorf("%q accepted", form)
		}
	}
}

func TestCanonical(t *testing.T) {
	digest := strings.Repeat("0fA9", 16)
	for in, want := range map[string]string{
		"sha256:" + digest:            "sha256:" + strings.ToLower(digest),
		"sha256:" + digest[1:] + "G":  "sha256:" + digest[1:] + "G",
		"sha256:" + digest + "0":      "sha256:" + digest + "0",
		"id:ABC":                      "id:ABC",
		strings.Repeat("A", 71):       strings.Repeat("A", 71),
		"":                            "",
		"sha256:" + digest[:62] + "é": "sha256:" + digest[:62] + "é",
	} {
		b := []byte(in)
		if Canonical(b); string(b) != want {
			t.Errorf("%q became %q, want %q", in, b, want)
		}
	}
}

func TestEveryFingerprintIsValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, err := NewKey(rapid.StringMatching(`[A-Za-z0-9._-]{1,32}`).Draw(t, "kid"), rapid.SliceOfN(rapid.Byte(), 32, 80).Draw(t, "pepper"))
		if err != nil {
			t.Fatal(err)
		}
		token := rapid.SliceOf(rapid.Byte()).Draw(t, "token")
		fp := key.Hasher().Fingerprint(token)
		if !Valid(fp) {
			t.Fatalf("%q", fp)
		}
		h := key.Hasher()
		if inPlace := h.Append(token[:0], token); string(inPlace) != fp || h.Len() != len(fp) {
			t.Fatalf("in place %q, want %q", inPlace, fp)
		}
	})
}

func TestHashingAllocatesNothing(t *testing.T) {
	key, _ := NewKey("k1", make([]byte, 32))
	h, dst, token := key.Hasher(), make([]byte, 0, 64), []byte("a session id of some length")
	if n := testing.AllocsPerRun(100, func() { dst = h.Append(dst[:0], token) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	key, _ := NewKey("k1", make([]byte, 32))
	h, dst, token := key.Hasher(), make([]byte, 0, 64), []byte("a session id of some length")
	b.ReportAllocs()
	for b.Loop() {
		dst = h.Append(dst[:0], token)
	}
}

func BenchmarkValid(b *testing.B) {
	for b.Loop() {
		if !Valid("h1:k1:RaJMbMFAaRsshRqp6m8BFg") {
			b.Fatal("refused")
		}
	}
}
