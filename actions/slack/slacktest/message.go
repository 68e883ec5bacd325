package slacktest

import (
	"encoding/json"
	"strings"
)

// Message is what was posted, as it stands.
type Message struct {
	Channel  string
	TS       string
	ThreadTS string // of a reply: the message whose thread it is in
	Fallback string // the text of notifications, escaped
	Blocks   []Block
	Raw      json.RawMessage // the blocks as they came
	Edits    int             // how often it was updated
	Metadata struct {
		EventType    string         `json:"event_type"`
		EventPayload map[string]any `json:"event_payload"`
	}
}

// Block is one block, of the kinds that hijackd sends.
type Block struct {
	Type     string    `json:"type"`
	BlockID  string    `json:"block_id"`
	Text     *Text     `json:"text"`
	Fields   []*Text   `json:"fields"`
	Elements []Element `json:"elements"`
}

// Text is a text object.
type Text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// Element is a text in a context block, or a button.
type Element struct {
	Text     // of a button: its label
	ActionID string
	Value    string
	Style    string
	Confirm  *Confirm
}

// Confirm is the dialog that asks before a button counts.
type Confirm struct {
	Title, Text, Confirm, Deny *Text
	Style                      string
}

// UnmarshalJSON reads either kind of element.
func (e *Element) UnmarshalJSON(b []byte) error {
	var either struct {
		Type     string          `json:"type"`
		Text     json.RawMessage `json:"text"`
		ActionID string          `json:"action_id"`
		Value    string          `json:"value"`
		Style    string          `json:"style"`
		Confirm  *Confirm        `json:"confirm"`
	}
	if err := json.Unmarshal(b, &either); err != nil {
		return err
	}
	*e = Element{ActionID: either.ActionID, Value: either.Value, Style: either.Style, Confirm: either.Confirm}
	if either.Type != "button" {
		e.Type = either.Type
		return json.Unmarshal(either.Text, &e.Text.Text)
	}
	err := json.Unmarshal(either.Text, &e.Text)
	e.Type = either.Type
	return err
}

// ID is the finding (or page, or incident) that the message is about.
func (m Message) ID() string {
	id, _ := m.Metadata.EventPayload["id"].(string)
	return id
}

// Button is the button of an action id.
func (m Message) Button(actionID string) (Element, bool) {
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			if e.ActionID == actionID && e.ActionID != "" {
				return e, true
			}
		}
	}
	return Element{}, false
}

var unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// Lines renders the message for a terminal, as Slack would show it: a headline, paragraphs, fields as "name: value", buttons in brackets.
func (m Message) Lines() (lines []string) {
	for _, b := range m.Blocks {
		if b.Text != nil {
			lines = append(lines, strings.Split(unescape.Replace(b.Text.Text), "\n")...)
		}
		for _, f := range b.Fields {
			name, value, _ := strings.Cut(unescape.Replace(f.Text), "\n")
			lines = append(lines, name+": "+value)
		}
		var buttons []string
		for _, e := range b.Elements {
			if e.Type == "button" {
				buttons = append(buttons, "["+unescape.Replace(e.Text.Text)+"]")
				continue
			}
			lines = append(lines, unescape.Replace(e.Text.Text))
		}
		if len(buttons) > 0 {
			lines = append(lines, strings.Join(buttons, " "))
		}
	}
	return lines
}

// String is Lines in one text.
func (m Message) String() string { return strings.Join(m.Lines(), "\n") }
