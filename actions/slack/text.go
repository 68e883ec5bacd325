package slack

import (
	"strings"
	"unicode/utf16"

	"github.com/hijackd/hijackd/schema"
	"github.com/slack-go/slack"
)

// Slack's limits on texts, in characters (docs.slack.dev, reference/block-kit): 150 in a header, 2000 in a field, 3000 in a section, 75
// on a button, 100 as the title of a confirmation and 300 in it. What is written here stays below; it is measured escaped, in UTF-16 units.
const (
	maxHeader  = 140
	maxValue   = 300
	maxLine    = 350
	maxSummary = 1000
	maxSection = 2900
	maxConfirm = 290
)

// safe makes hostile text harmless: cleaned, & < > escaped as Slack wants in every text, and cut so that it has at most so many characters.
func safe(s string, most int) string {
	s = strings.TrimSpace(string(schema.CleanText(s, 4*most)))
	var b strings.Builder
	fits, left := 0, most
	for _, r := range s {
		t := string(r)
		switch r {
		case '&':
			t = "&amp;"
		case '<':
			t = "&lt;"
		case '>':
			t = "&gt;"
		}
		n := len(t)
		if n == 1 || r >= 0x80 {
			n = utf16.RuneLen(r)
		}
		if left -= n; left < 0 {
			return b.String()[:fits] + "…"
		}
		b.WriteString(t)
		if left > 0 {
			fits = b.Len()
		}
	}
	return b.String()
}

// plain is a text object in which nothing is markup. Slack refuses empty ones.
func plain(s string) *slack.TextBlockObject {
	if strings.TrimSpace(s) == "" {
		s = "–"
	}
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

func header(s string) slack.Block { return slack.NewHeaderBlock(plain(safe(s, maxHeader))) }

// section is a paragraph of a text that is safe already.
func section(s string) slack.Block { return slack.NewSectionBlock(plain(s), nil, nil) }

// paragraph is a section of safe lines, as many as fit; the others are counted.
func paragraph(title string, lines []string, more int) slack.Block {
	var b strings.Builder
	b.WriteString(title)
	left := maxSection - len(title) - 40
	for i, l := range lines {
		if left -= len(utf16.Encode([]rune(l))) + 1; left < 0 {
			more += len(lines) - i
			break
		}
		b.WriteString("\n" + l)
	}
	if more > 0 {
		b.WriteString("\nand " + counted(more, "more"))
	}
	return section(strings.TrimPrefix(b.String(), "\n"))
}

func context1(s string) slack.Block {
	return slack.NewContextBlock("", plain(safe(s, maxSummary)))
}

// fields makes fields of named values, at most ten, leaving those without a value out.
func fields(named ...[2]string) (fs []*slack.TextBlockObject) {
	for _, f := range named {
		if f[1] != "" && len(fs) < 10 {
			fs = append(fs, plain(f[0]+"\n"+safe(f[1], maxValue)))
		}
	}
	return fs
}

// withFields appends a section of fields, if there are any.
func withFields(blocks []slack.Block, fs []*slack.TextBlockObject) []slack.Block {
	if len(fs) == 0 {
		return blocks
	}
	return append(blocks, slack.NewSectionBlock(nil, fs, nil))
}
