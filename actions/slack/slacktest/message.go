package slacktest

import (
	"encoding/json"
	"strings"
)

// Message is what was posted.
type Message struct {
	TS       string
	Fallback string // the text of notifications, escaped
	Blocks   []Block
	Raw      json.RawMessage // the blocks as they came
	Metadata struct {
		EventType    string         `json:"event_type"`
		EventPayload map[string]any `json:"event_payload"`
	}
}

// Block is one block, of the kinds that hijackd sends.
type Block struct {
	Type     string  `json:"type"`
	Text     *Text   `json:"text"`
	Fields   []*Text `json:"fields"`
	Elements []*Text `json:"elements"`
}

// Text is a text object.
type Text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// ID is the finding (or page) that the message is about.
func (m Message) ID() string {
	id, _ := m.Metadata.EventPayload["id"].(string)
	return id
}

var unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// Lines renders the message for a terminal, as Slack would show it: a headline, paragraphs, fields as "name: value".
func (m Message) Lines() (lines []string) {
	add := func(t *Text) { lines = append(lines, strings.Split(unescape.Replace(t.Text), "\n")...) }
	for _, b := range m.Blocks {
		if b.Text != nil {
			add(b.Text)
		}
		for _, f := range b.Fields {
			name, value, _ := strings.Cut(unescape.Replace(f.Text), "\n")
			lines = append(lines, name+": "+value)
		}
		for _, e := range b.Elements {
			add(e)
		}
	}
	return lines
}

// String is Lines in one text.
func (m Message) String() string { return strings.Join(m.Lines(), "\n") }
