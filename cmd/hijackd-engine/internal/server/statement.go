package server

import (
	"regexp"
	"strings"
)

const leadingComments = `^\s*(?:(?:--[^\n]*\n|/\*.*?\*/)\s*)*`

var (
	selectPattern = regexp.MustCompile(`(?is)` + leadingComments + `\(*\s*(?:SELECT|WITH)\b`)
	formatPattern = regexp.MustCompile(`(?is)\s+FORMAT\s+\w+\s*;?\s*$`)
	insertPattern = regexp.MustCompile(`(?is)` + leadingComments + `(INSERT\s+INTO\s+.*?)(?:\s+FORMAT\s+(\w+))?\s*;?\s*$`)
	inlinePattern = regexp.MustCompile(`(?is)\b(?:VALUES\s*\(|SELECT\b|WITH\b|FORMAT\s|FROM\s+INFILE\b)`)
	valuesPattern = regexp.MustCompile(`(?is)\s+VALUES\s*$`)
	targetPattern = regexp.MustCompile("(?is)^INSERT\\s+INTO\\s+(?:TABLE\\s+)?" +
		"(FUNCTION\\s+\\w+\\s*\\(.*?\\)|(?:`[^`]+`|\"[^\"]+\"|[\\w$]+)(?:\\.(?:`[^`]+`|\"[^\"]+\"|[\\w$]+))?)" +
		"\\s*(\\(.*?\\))?\\s*(?:SETTINGS\\b.*)?$")
)

func isSelect(text string) bool { return selectPattern.MatchString(text) }

// withoutFormat drops the FORMAT clause: over the native protocol the client formats.
func withoutFormat(text string) string { return formatPattern.ReplaceAllString(text, "") }

// dataInsert tells whether text is an INSERT whose data comes apart from the text; if so it returns
// the part before the data and the data's format.
func dataInsert(text string) (head, format string, ok bool) {
	m := insertPattern.FindStringSubmatch(text)
	if m == nil {
		return "", "", false
	}
	if head, format = m[1], m[2]; format != "" {
		return head, format, true
	}
	if inlinePattern.MatchString(head) {
		return "", "", false
	}
	return valuesPattern.ReplaceAllString(head, ""), "Native", true
}

// insertTarget takes the table and the column list, if any, out of the head of an INSERT.
func insertTarget(head string) (table string, columns []string, ok bool) {
	m := targetPattern.FindStringSubmatch(strings.TrimSpace(head))
	if m == nil {
		return "", nil, false
	}
	if m[2] != "" {
		for name := range strings.SplitSeq(m[2][1:len(m[2])-1], ",") {
			columns = append(columns, strings.Trim(strings.TrimSpace(name), "`\""))
		}
	}
	return m[1], columns, true
}

var (
	literalEscapes    = strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	identifierEscapes = strings.NewReplacer(`\`, `\\`, "`", "\\`")
)

func literal(s string) string    { return "'" + literalEscapes.Replace(s) + "'" }
func identifier(s string) string { return "`" + identifierEscapes.Replace(s) + "`" }

// unquote undoes the quoting in which clickhouse-go sends parameters and custom settings.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '\'' {
		return s
	}
	s = s[1 : len(s)-1]
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if at := strings.IndexByte("ntr0", s[i]); at >= 0 {
			b.WriteByte("\n\t\r\x00"[at])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
