package decode

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// property is a property of the JSON schema: its keywords, those of its alternatives included.
type property struct {
	Type        any        `json:"type"`
	MaxLength   int        `json:"maxLength"`
	Minimum     *float64   `json:"minimum"`
	Maximum     *float64   `json:"maximum"`
	Format      string     `json:"format"`
	Enum        []any      `json:"enum"`
	Examples    []string   `json:"examples"`
	Description string     `json:"description"`
	Ref         string     `json:"$ref"`
	AnyOf       []property `json:"anyOf"`
}

type fieldsOf struct {
	Properties map[string]property `json:"properties"`
}

func readSchema(t *testing.T) (event, geo map[string]property, raw map[string]any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "schema", "event.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		fieldsOf
		Defs struct {
			Geo fieldsOf `json:"geo"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(content, &doc); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &raw); err != nil {
		t.Fatal(err)
	}
	return doc.Properties, doc.Defs.Geo.Properties, raw
}

// all flattens a property into itself and its alternatives.
func (p property) all() []property {
	list := []property{p}
	for _, a := range p.AnyOf {
		list = append(list, a.all()...)
	}
	return list
}

func (p property) has(test func(property) bool) bool { return slices.ContainsFunc(p.all(), test) }

func (p property) admits(jsonType string) bool {
	return p.has(func(a property) bool {
		list, _ := a.Type.([]any)
		return a.Type == jsonType || slices.Contains(list, any(jsonType))
	})
}

// absent reports whether null is in the schema, and so that absence can be said.
func (p property) absent() bool {
	return p.admits("null") || p.has(func(a property) bool { return slices.Contains(a.Enum, nil) && slices.Contains(a.Enum, any("")) })
}

func TestSchemaHasTheDecodersFields(t *testing.T) {
	event, geo, _ := readSchema(t)
	names := map[bool][]string{}
	for f, s := range specs[:sKind] {
		if field(f) == fSpecVersion || field(f) == fData {
			continue
		}
		inGeo, properties := field(f) >= gCountry, event
		if inGeo {
			properties = geo
		}
		names[inGeo] = append(names[inGeo], s.name)
		p, ok := properties[s.name]
		if !ok {
			t.Errorf("the schema lacks %v", field(f))
			continue
		}
		if problem := compare(s, p); problem != "" {
			t.Errorf("%v: %s", field(f), problem)
		}
	}
	if len(event) != len(names[false]) || len(geo) != len(names[true]) {
		t.Errorf("the schema has %d and %d fields, the decoder %d and %d", len(event), len(geo), len(names[false]), len(names[true]))
	}
}

// compare says how a property differs from what the decoder takes.
func compare(s spec, p property) string {
	if s.name != "note" && !p.absent() {
		return "null and the empty string can't be said"
	}
	onlyType := func(want string) string {
		for _, other := range []string{"string", "integer", "number", "boolean", "object"} {
			if p.admits(other) != (other == want) {
				return "admits " + other + fmt.Sprintf(" %v", p.admits(other))
			}
		}
		return ""
	}
	limit := 0
	for _, a := range p.all() {
		limit = max(limit, a.MaxLength)
	}
	cut := strings.Contains(p.Description, fmt.Sprintf("Cut at %d bytes.", s.max))
	switch s.form {
	case text:
		if limit != s.max {
			return fmt.Sprintf("maxLength %d, want %d", limit, s.max)
		}
		return onlyType("string")
	case cutText:
		if limit != 0 || !cut {
			return fmt.Sprintf("maxLength %d for what is cut at %d", limit, s.max)
		}
		return onlyType("string")
	case timestamp:
		if !p.has(func(a property) bool { return a.Format == "date-time" }) {
			return "no date-time"
		}
		return onlyType("string")
	case address:
		if !p.has(func(a property) bool { return a.Format == "ipv4" }) || !p.has(func(a property) bool { return a.Format == "ipv6" }) {
			return "no ipv4 or ipv6"
		}
	case enumeration:
		if s.name == "type" {
			var want []any
			for _, name := range s.enum {
				want = append(want, name)
			}
			if !p.has(func(a property) bool { return reflect.DeepEqual(a.Enum, want) }) {
				return "not the same types"
			}
		} else if !slices.Equal(p.Examples, s.enum) {
			return fmt.Sprintf("values %v, want %v", p.Examples, s.enum)
		}
	case integer:
		return onlyType("integer")
	case number:
		return onlyType("number")
	case boolean:
		return onlyType("boolean")
	case token:
		return onlyType("string")
	}
	return ""
}

// TestSchemaRequiresWhatTheDecoderRequires takes each field away from an event of each type, and asks both.
func TestSchemaRequiresWhatTheDecoderRequires(t *testing.T) {
	_, _, schema := readSchema(t)
	for _, kind := range append([]string{""}, eventTypes...) {
		whole := map[string]any{"id": "e-1", "time": "2026-11-21T10:00:00Z", "token": fp, "ip": "192.0.2.1", "previous_token": fp2,
			"session": "s", "user": "u", "note": map[string]any{"a": 1.0}}
		if kind != "" {
			whole["type"] = kind
		}
		for mask := range 1 << 8 {
			event := map[string]any{}
			for i, name := range []string{"id", "time", "token", "ip", "previous_token", "session", "user", "note"} {
				if mask>>i&1 == 0 {
					event[name] = whole[name]
				} else if i%2 == 0 {
					event[name] = nil
				}
			}
			if kind != "" {
				event["type"] = kind
			}
			value, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			_, reject := agree(t, New(testHasher(t), 0), record(string(value)))
			if want := validates(schema, schema, event); (reject == nil) != want {
				t.Fatalf("%s: decoder %v, schema %v", value, reject, want)
			}
		}
	}
}

// validates knows the keywords that the schema says its requirements with.
func validates(root, schema map[string]any, v any) bool {
	object, isObject := v.(map[string]any)
	sub := func(s any) map[string]any { m, _ := s.(map[string]any); return m }
	for keyword, arg := range schema {
		ok := true
		switch keyword {
		case "$ref":
			at := root
			for name := range strings.SplitSeq(strings.TrimPrefix(arg.(string), "#/"), "/") {
				at = sub(at[name])
			}
			ok = at != nil && validates(root, at, v)
		case "required":
			for _, name := range arg.([]any) {
				_, has := object[name.(string)]
				ok = ok && (!isObject || has)
			}
		case "properties":
			if schema["title"] != nil {
				continue // the fields themselves, which the other test compares
			}
			for name, s := range sub(arg) {
				if v, has := object[name]; has {
					ok = ok && validates(root, sub(s), v)
				}
			}
		case "allOf":
			for _, s := range arg.([]any) {
				ok = ok && validates(root, sub(s), v)
			}
		case "anyOf":
			ok = slices.ContainsFunc(arg.([]any), func(s any) bool { return validates(root, sub(s), v) })
		case "not":
			ok = !validates(root, sub(arg), v)
		case "enum":
			ok = slices.Contains(arg.([]any), v)
		case "const":
			ok = arg == v
		case "type":
			ok = arg != "object" || isObject
		case "if":
			branch := "then"
			if !validates(root, sub(arg), v) {
				branch = "else"
			}
			ok = schema[branch] == nil || validates(root, sub(schema[branch]), v)
		}
		if !ok {
			return false
		}
	}
	return true
}

func TestSchemasExamplesAreEvents(t *testing.T) {
	_, _, schema := readSchema(t)
	examples := schema["examples"].([]any)
	if len(examples) < 3 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, example := range examples {
		value, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		if e, reject := agree(t, New(testHasher(t), 0), record(string(value))); reject != nil || e.RawToken {
			t.Errorf("%s: %v", value, reject)
		}
	}
}

func TestAsyncAPINamesTheReasons(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "schema", "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		AsyncAPI   string
		Components struct {
			Messages map[string]struct {
				Payload struct {
					Required   []string
					Properties map[string]struct{ Enum []string }
					Schema     map[string]string
				}
			}
		}
	}
	if err := yaml.Unmarshal(content, &doc); err != nil {
		t.Fatal(err)
	}
	letter := doc.Components.Messages["deadLetter"].Payload
	var want []string
	for _, r := range Reasons() {
		want = append(want, r.String())
	}
	if !slices.Equal(letter.Properties["reason"].Enum, want) {
		t.Errorf("reasons %v, want %v", letter.Properties["reason"].Enum, want)
	}
	if want := []string{"reason", "field", "topic", "partition", "offset", "time", "bytes"}; !slices.Equal(letter.Required, want) {
		t.Errorf("a dead letter has %v, want %v", letter.Required, want)
	}
	if ref := doc.Components.Messages["event"].Payload.Schema["$ref"]; ref != "./event.schema.json" || doc.AsyncAPI != "3.0.0" {
		t.Errorf("AsyncAPI %s, event %s", doc.AsyncAPI, ref)
	}
}
