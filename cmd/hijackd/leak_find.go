package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

// direction says which way something went between the browser and a host.
type direction uint8

const (
	sent     direction = iota // to the host
	received                  // from the host
	passed                    // either way
)

func (d direction) text(host string) string {
	if host == "" {
		host = "an unknown host"
	}
	return [...]string{" to ", " from ", " with "}[d] + host
}

const (
	minLeaked   = 8 // bytes: nothing shorter is a token, and much that is shorter is none
	maxLeaked   = 200_000
	maxPlaces   = 5 // that are remembered of one token
	maxNameText = 64
)

// leaked is one candidate: what it may be known as, and where it stood. The raw token is gone.
type leaked struct {
	forms  []string // fingerprints, the one to show first
	places []string
	more   int // places beyond those
}

// leakFinder collects candidates. A token that it is given is fingerprinted and forgotten before it returns.
type leakFinder struct {
	hasher  *fingerprint.Hasher // nil where there is no pepper
	byForm  map[string]*leaked
	found   []*leaked
	pending []place // of the entry that is being read, whose host is not known yet
	cut     int     // texts that were searched in part
	dropped int     // candidates beyond maxLeaked
}

type place struct {
	l    *leaked
	what string
	way  direction
}

func newLeakFinder(hasher *fingerprint.Hasher) *leakFinder {
	return &leakFinder{hasher: hasher, byForm: map[string]*leaked{}}
}

// settle names the places of an entry, whose host is known at its end.
func (f *leakFinder) settle(host string) {
	for _, p := range f.pending {
		p.l.at(p.what + p.way.text(host))
	}
	f.pending = f.pending[:0]
}

func (l *leaked) at(where string) {
	switch {
	case slices.Contains(l.places, where):
	case len(l.places) < maxPlaces:
		l.places = append(l.places, where)
	default:
		l.more++
	}
}

// token takes a candidate.
func (f *leakFinder) token(token []byte, what string, way direction) {
	if l := f.candidate(token); l != nil {
		f.pending = append(f.pending, place{l, what, way})
	}
}

func (f *leakFinder) candidate(token []byte) *leaked {
	if len(token) < minLeaked || len(token) > maxTokenBytes {
		return nil
	}
	forms := f.forms(token)
	if l := f.byForm[forms[0]]; l != nil {
		return l
	}
	if len(f.found) == maxLeaked {
		f.dropped++
		return nil
	}
	l := &leaked{forms: forms}
	f.byForm[forms[0]] = l
	f.found = append(f.found, l)
	return l
}

// forms are the fingerprints under which an app may have reported the token (contract section 1.3).
func (f *leakFinder) forms(token []byte) []string {
	canonical := bytes.Clone(token)
	if fingerprint.Canonical(canonical); fingerprint.Valid(string(canonical)) {
		return []string{string(canonical)}
	}
	var forms []string
	if f.hasher != nil {
		forms = append(forms, f.hasher.Fingerprint(token))
	}
	sum := sha256.Sum256(token)
	forms = append(forms, "sha256:"+hex.EncodeToString(sum[:]))
	if id := tokenID(token); id != "" {
		forms = append(forms, id)
	}
	return forms
}

// tokenID is the id: form of a JWT that has a jti, which is no credential.
func tokenID(token []byte) string {
	_, rest, ok := bytes.Cut(token, []byte("."))
	claims, _, signed := bytes.Cut(rest, []byte("."))
	if !ok || !signed || !isJWT(token) {
		return ""
	}
	plain, err := base64.RawURLEncoding.DecodeString(string(claims))
	var named struct {
		ID string `json:"jti"`
	}
	if err != nil || json.Unmarshal(plain, &named) != nil || named.ID == "" || !fingerprint.Valid("id:"+named.ID) {
		return ""
	}
	return "id:" + named.ID
}

// cookie takes a cookie's value as it stands between = and ; (contract section 1.3).
func (f *leakFinder) cookie(name, value []byte, way direction) {
	value = bytes.Trim(value, " \t")
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	f.token(value, "cookie "+quotedName(name), way)
}

// schemes of Authorization whose credentials are tokens. Basic and Digest are not.
var schemes = []string{"Bearer", "Token", "DPoP", "ApiKey", "JWT", "OAuth"}

func (f *leakFinder) header(name, value []byte, way direction) {
	switch lower := strings.ToLower(string(name[:min(len(name), maxNameText)])); lower {
	case "cookie":
		for pair := range bytes.SplitSeq(value, []byte(";")) {
			f.pair(pair, way)
		}
	case "set-cookie":
		for line := range bytes.SplitSeq(value, []byte("\n")) { // browsers write several as one
			pair, _, _ := bytes.Cut(line, []byte(";"))
			f.pair(pair, way)
		}
	case "authorization", "proxy-authorization":
		f.authorization(value, way)
	case "location", "referer", "content-location", "refresh":
		f.url(value, way)
	default:
		if tokenNamed(lower) {
			f.token(bytes.TrimSpace(value), "header "+quotedName(name), way)
		}
	}
}

func (f *leakFinder) pair(pair []byte, way direction) {
	name, value, ok := bytes.Cut(pair, []byte("="))
	if !ok {
		name, value = nil, pair // a value without a name
	}
	f.cookie(bytes.TrimSpace(name), value, way)
}

func (f *leakFinder) authorization(value []byte, way direction) {
	value = bytes.TrimSpace(value)
	scheme, credentials, ok := bytes.Cut(value, []byte(" "))
	if !ok {
		f.token(value, "Authorization", way)
		return
	}
	for _, s := range schemes {
		if strings.EqualFold(s, string(scheme[:min(len(scheme), maxNameText)])) {
			f.token(bytes.TrimLeft(credentials, " "), "Authorization "+s, way)
		}
	}
}

// url takes the parameters of an address, behind ? and behind #, and a session id in its path.
func (f *leakFinder) url(address []byte, way direction) {
	rest, fragment, _ := bytes.Cut(address, []byte("#"))
	path, query, _ := bytes.Cut(rest, []byte("?"))
	f.form(query, way)
	f.form(fragment, way)
	for part := range bytes.SplitSeq(path, []byte(";")) {
		if name, value, ok := bytes.Cut(part, []byte("=")); ok && strings.EqualFold(string(name[:min(len(name), maxNameText)]), "jsessionid") {
			value, _, _ = bytes.Cut(value, []byte("/"))
			f.token(value, "path parameter jsessionid", way)
		}
	}
}

// form takes name=value pairs, both as they travelled and decoded: nobody says which of them an app calls its token.
func (f *leakFinder) form(text []byte, way direction) {
	for pair := range bytes.SplitSeq(text, []byte("&")) {
		name, value, ok := bytes.Cut(pair, []byte("="))
		if !ok {
			continue
		}
		f.parameter(name, value, way)
		if plain, err := url.QueryUnescape(string(value)); err == nil && plain != string(value) {
			f.parameter(name, []byte(plain), way)
		}
	}
}

func (f *leakFinder) parameter(name, value []byte, way direction) {
	if len(name) > maxNameText {
		return
	}
	plain, err := url.QueryUnescape(string(name))
	if err == nil && (tokenNamed(plain) || isJWT(value)) {
		f.token(value, "parameter "+quotedName([]byte(plain)), way)
	}
}

// body takes what a request, an answer or a message holds.
func (f *leakFinder) body(text, kind []byte, way direction) {
	text = bytes.TrimSpace(text)
	plain := bytes.TrimSpace(bytes.TrimPrefix(text, []byte(")]}'"))) // what keeps others from including an answer as a script
	switch {
	case len(plain) > 0 && (plain[0] == '{' || plain[0] == '['):
		if err := f.fields(plain, way); err == nil {
			return
		}
	case bytes.Contains(kind, []byte("x-www-form-urlencoded")):
		f.form(text, way)
		return
	}
	f.jwts(text, way)
}

// fields takes the members of JSON that are named like tokens, and what looks like a JWT whatever its name.
func (f *leakFinder) fields(text []byte, way direction) error {
	r := newJSONReader(bytes.NewReader(text), maxTokenBytes+1)
	member := ""
	for {
		kind, err := r.next()
		switch {
		case err != nil:
			return err
		case kind == jsonEnd:
			return nil
		case kind == jsonKey:
			member = string(r.text[:min(len(r.text), maxNameText)])
			continue
		case kind == jsonString && tokenNamed(member):
			f.token(r.text, "field "+quotedName([]byte(member)), way)
		case kind == jsonString && isJWT(r.text):
			f.token(r.text, "JWT in a body", way)
		}
		member = ""
	}
}

// jwts searches any text for JWTs.
func (f *leakFinder) jwts(text []byte, way direction) {
	for {
		i := bytes.Index(text, []byte("eyJ"))
		if i < 0 {
			return
		}
		text = text[i:]
		n := 0
		for n < len(text) && (isBase64URL(text[n]) || text[n] == '.') {
			n++
		}
		if token := bytes.TrimRight(text[:n], "."); isJWT(token) {
			f.token(token, "JWT in a body", way)
		}
		text = text[max(n, 3):]
	}
}

// isJWT tells the form of a JWT: three or five parts in base64url, of which the first is an object.
func isJWT(token []byte) bool {
	if !bytes.HasPrefix(token, []byte("eyJ")) || len(token) > maxTokenBytes {
		return false
	}
	dots := 0
	for _, c := range token {
		switch {
		case c == '.':
			dots++
		case !isBase64URL(c):
			return false
		}
	}
	return dots == 2 || dots == 4
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// tokenNames are the names of parameters, fields and headers that hold tokens, without case, hyphens and underscores.
var tokenNames = []string{"session", "sessionid", "sessid", "phpsessid", "jsessionid", "sid", "jwt", "apikey", "xapikey", "assertion", "samlresponse", "authorization", "bearer",
	"credential", "authkey", "accesskey", "ticket"}

// tokenNamed tells names that tokens go by: those, and all that end in "token" or "session id" save the ones against request forgery.
func tokenNamed(name string) bool {
	n := strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(strings.ToLower(name))
	if strings.Contains(n, "csrf") || strings.Contains(n, "xsrf") || n == "nexttoken" || n == "pagetoken" || n == "nextpagetoken" {
		return false
	}
	return strings.HasSuffix(n, "token") || strings.HasSuffix(n, "sessionid") || slices.Contains(tokenNames, n)
}

// quotedName writes a name that somebody else chose.
func quotedName(name []byte) string {
	if len(name) == 0 {
		return "without a name"
	}
	return `"` + string(schema.CleanText(string(name[:min(len(name), maxNameText)]), maxNameText)) + `"`
}

// hostOf is the host of an address, empty where it has none.
func hostOf(address []byte) string {
	u, err := url.Parse(string(address[:min(len(address), 4096)]))
	if err != nil {
		rest, ok := bytes.CutPrefix(address, []byte("https://"))
		if !ok {
			return ""
		}
		host, _, _ := bytes.Cut(rest, []byte("/"))
		if i := bytes.LastIndexByte(host, '@'); i >= 0 {
			host = host[i+1:]
		}
		u = &url.URL{Host: string(host[:min(len(host), 255)])}
	}
	return string(schema.CleanText(u.Hostname(), 255))
}

// errNothingLeaked says that there was nothing to look up.
var errNothingLeaked = errors.New("there is no token in it")
