package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
)

// maxHARText is how much of one text of a HAR file is searched: bodies that are larger hold pictures and films.
const maxHARText = 8 << 20

// harRole is what an object or array of a HAR file is; those that matter to nobody are harOther.
type harRole uint8

const (
	harOther harRole = iota
	harRoot
	harLog
	harEntries
	harEntry
	harRequest
	harResponse
	harHeaders
	harCookies
	harParameters // of the query or of a form
	harPair       // an element of the three above
	harBody
	harMessages
	harMessage
)

// harRoles says what a member of an object is; under the name "" are the elements of an array.
var harRoles = map[harRole]map[string]harRole{
	harRoot:       {"log": harLog, "entries": harEntries},
	harLog:        {"entries": harEntries},
	harEntries:    {"": harEntry},
	harEntry:      {"request": harRequest, "response": harResponse, "_webSocketMessages": harMessages},
	harRequest:    {"headers": harHeaders, "cookies": harCookies, "queryString": harParameters, "postData": harBody},
	harResponse:   {"headers": harHeaders, "cookies": harCookies, "content": harBody},
	harBody:       {"params": harParameters},
	harHeaders:    {"": harPair},
	harCookies:    {"": harPair},
	harParameters: {"": harPair},
	harMessages:   {"": harMessage},
}

// harReader walks through a HAR file and gives the finder what may hold tokens. It holds one text of each kind at a time.
type harReader struct {
	json   *jsonReader
	found  *leakFinder
	stack  []harRole
	member string // the key that was read last
	pair   struct{ name, value []byte }
	body   struct {
		text, kind []byte
		base64     bool
	}
	entries int
	host    string
}

// readHAR searches a HAR file. What it found before an error counts.
func readHAR(r io.Reader, found *leakFinder) error {
	h := &harReader{json: newJSONReader(r, maxHARText), found: found}
	defer func() {
		found.cut += h.json.cut
		clear(h.json.text)
	}()
	for {
		kind, err := h.json.next()
		if err != nil {
			found.settle(h.host)
			return err
		}
		switch kind {
		case jsonEnd:
			if h.entries == 0 {
				return errors.New("it is JSON, but no HAR file: it has no entries")
			}
			return nil
		case jsonKey:
			h.member = string(h.json.text[:min(len(h.json.text), 64)])
		case jsonString:
			h.text()
		case jsonObject, jsonArray:
			h.enter()
		case jsonObjectEnd, jsonArrayEnd:
			h.leave()
		case jsonOther:
		}
	}
}

func (h *harReader) role() harRole {
	if len(h.stack) == 0 {
		return harOther
	}
	return h.stack[len(h.stack)-1]
}

func (h *harReader) enter() {
	role := harRoot
	if len(h.stack) > 0 {
		name := h.member
		switch h.role() {
		case harEntries, harHeaders, harCookies, harParameters, harMessages:
			name = ""
		}
		role = harRoles[h.role()][name]
	}
	h.stack = append(h.stack, role)
	switch role {
	case harEntry:
		h.entries++
		h.host = ""
	case harPair:
		h.pair.name, h.pair.value = h.pair.name[:0], h.pair.value[:0]
	case harBody:
		h.body.text, h.body.kind, h.body.base64 = h.body.text[:0], h.body.kind[:0], false
	}
	h.member = ""
}

func (h *harReader) leave() {
	role := h.role()
	h.stack = h.stack[:len(h.stack)-1]
	switch role {
	case harPair:
		h.endPair()
	case harBody:
		h.endBody()
	case harEntry:
		h.found.settle(h.host)
	}
	h.member = ""
}

// text takes a string that is a member of an object.
func (h *harReader) text() {
	text := h.json.text
	switch role := h.role(); role {
	case harRequest:
		if h.member == "url" {
			h.host = hostOf(text)
			h.found.url(text, sent)
		}
	case harResponse:
		if h.member == "redirectURL" {
			h.found.url(text, received)
		}
	case harPair:
		switch h.member {
		case "name":
			h.pair.name = append(h.pair.name[:0], text...)
		case "value":
			h.pair.value = append(h.pair.value[:0], text...)
		}
	case harBody:
		switch h.member {
		case "text":
			h.body.text = append(h.body.text[:0], text...)
		case "mimeType":
			h.body.kind = append(h.body.kind[:0], text...)
		case "encoding":
			h.body.base64 = string(text) == "base64"
		}
	case harMessage:
		if h.member == "data" {
			h.found.body(text, nil, passed)
		}
	}
}

// direction is which way it went where the reader stands.
func (h *harReader) direction() direction {
	for _, role := range h.stack {
		switch role {
		case harRequest:
			return sent
		case harResponse:
			return received
		}
	}
	return passed
}

func (h *harReader) endPair() {
	name, value := h.pair.name, h.pair.value
	switch h.role() {
	case harHeaders:
		h.found.header(name, value, h.direction())
	case harCookies:
		h.found.cookie(name, value, h.direction())
	case harParameters:
		h.found.parameter(name, value, h.direction())
	}
	clear(value)
}

func (h *harReader) endBody() {
	text := h.body.text
	if h.body.base64 {
		decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		n, _ := base64.StdEncoding.Decode(decoded, bytes.TrimSpace(text)) // of one that was cut the beginning
		text = decoded[:n]
	}
	h.found.body(text, h.body.kind, h.direction())
	clear(text)
	clear(h.body.text)
}
