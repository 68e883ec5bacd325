package rules

import "embed"

// examples holds a finding of each rule, made by folding one of its scenarios: go generate ./detect/rules writes them.
//
//go:embed examples
var examples embed.FS

// Finding is an example of a rule's findings as JSON (contract section 3), or "" where there is none.
func Finding(rule string) string {
	text, err := examples.ReadFile("examples/" + rule + ".json")
	if err != nil {
		return ""
	}
	return string(text)
}
