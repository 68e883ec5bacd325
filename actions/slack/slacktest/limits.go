package slacktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf16"
)

// Block Kit's documented limits (docs.slack.dev, reference/block-kit).
const (
	MaxBlocks   = 50
	maxText     = 3000 // any text object
	maxField    = 2000
	maxFields   = 10
	maxHeader   = 150
	maxContext  = 10
	maxActions  = 25
	maxLabel    = 75
	maxValue    = 2000
	maxID       = 255
	maxTitle    = 100
	maxAsk      = 300
	maxYes      = 30
	MaxFallback = 4000 // what chat.postMessage recommends; it cuts at 40,000
)

// Check holds blocks to Slack's documented limits, as the real one does. Lengths are counted in UTF-16 units, escaped, which is the
// strictest reading. A key or kind of block that hijackd has no use for is a mistake, too, and so is any text that is not plain_text:
// in mrkdwn a stranger's text could become markup.
func Check(blocks json.RawMessage) error {
	var c check
	var all []json.RawMessage
	c.decode(blocks, &all)
	c.that(len(all) > 0 && len(all) <= MaxBlocks, "%d blocks", len(all))
	ids := map[string]bool{}
	for i, raw := range all {
		c.where = fmt.Sprintf("block %d", i)
		if id := c.block(raw); id != "" {
			c.that(!ids[id] && length(id) <= maxID, "block_id %q", id)
			ids[id] = true
		}
	}
	return errors.Join(c.errs...)
}

type check struct {
	where string
	errs  []error
}

type text struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji *bool  `json:"emoji"`
}

func (c *check) that(ok bool, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf(c.where+": "+format, args...))
	}
}

func (c *check) decode(raw json.RawMessage, v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		c.errs = append(c.errs, fmt.Errorf("%s: %w", c.where, err))
	}
}

func length(s string) int { return len(utf16.Encode([]rune(s))) }

func (c *check) text(t *text, most int, required bool) {
	if t == nil {
		c.that(!required, "a text is missing")
		return
	}
	c.that(t.Type == "plain_text", "a text of type %s", t.Type)
	n := length(t.Text)
	c.that(n > 0 && n <= min(most, maxText), "a text of %d characters, want 1 to %d", n, most)
	c.that(t.Emoji != nil && !*t.Emoji, "a text whose :codes: become emoji")
}

func (c *check) block(raw json.RawMessage) (id string) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		c.that(false, "not a block: %v", err)
		return ""
	}
	switch kind.Type {
	case "header":
		var b struct {
			Type    string `json:"type"`
			BlockID string `json:"block_id"`
			Text    *text  `json:"text"`
		}
		c.decode(raw, &b)
		c.text(b.Text, maxHeader, true)
		return b.BlockID
	case "section":
		var b struct {
			Type    string  `json:"type"`
			BlockID string  `json:"block_id"`
			Text    *text   `json:"text"`
			Fields  []*text `json:"fields"`
		}
		c.decode(raw, &b)
		c.text(b.Text, maxText, len(b.Fields) == 0)
		c.that(len(b.Fields) <= maxFields, "%d fields", len(b.Fields))
		for _, f := range b.Fields {
			c.text(f, maxField, true)
		}
		return b.BlockID
	case "context":
		var b struct {
			Type     string  `json:"type"`
			BlockID  string  `json:"block_id"`
			Elements []*text `json:"elements"`
		}
		c.decode(raw, &b)
		c.that(len(b.Elements) > 0 && len(b.Elements) <= maxContext, "%d elements", len(b.Elements))
		for _, e := range b.Elements {
			c.text(e, maxField, true)
		}
		return b.BlockID
	case "actions":
		return c.actions(raw)
	case "divider":
		return ""
	}
	c.that(false, "a block of type %q", kind.Type)
	return ""
}

func (c *check) actions(raw json.RawMessage) string {
	var b struct {
		Type     string `json:"type"`
		BlockID  string `json:"block_id"`
		Elements []struct {
			Type     string `json:"type"`
			Text     *text  `json:"text"`
			ActionID string `json:"action_id"`
			Value    string `json:"value"`
			Style    string `json:"style"`
			Confirm  *struct {
				Title   *text  `json:"title"`
				Text    *text  `json:"text"`
				Confirm *text  `json:"confirm"`
				Deny    *text  `json:"deny"`
				Style   string `json:"style"`
			} `json:"confirm"`
		} `json:"elements"`
	}
	c.decode(raw, &b)
	c.that(len(b.Elements) > 0 && len(b.Elements) <= maxActions, "%d elements", len(b.Elements))
	ids := map[string]bool{}
	for _, e := range b.Elements {
		c.that(e.Type == "button", "an element of type %q", e.Type)
		c.text(e.Text, maxLabel, true)
		c.that(e.ActionID != "" && length(e.ActionID) <= maxID && !ids[e.ActionID], "action_id %q", e.ActionID)
		ids[e.ActionID] = true
		c.that(length(e.Value) <= maxValue, "a value of %d characters", length(e.Value))
		c.that(e.Style == "" || e.Style == "primary" || e.Style == "danger", "style %q", e.Style)
		if e.Confirm != nil {
			c.text(e.Confirm.Title, maxTitle, true)
			c.text(e.Confirm.Text, maxAsk, true)
			c.text(e.Confirm.Confirm, maxYes, true)
			c.text(e.Confirm.Deny, maxYes, true)
		}
	}
	return b.BlockID
}
