package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

var errNone = errors.New("no scenario of an attack gives a finding of the rule")

// example is a finding of a rule that its scenarios of attacks give: the one that the rule's documentation quotes, or else the first that
// names a user, or else the first, the scenarios by name. It is decided on as by a policy at enforce with every rule in its default mode.
func example(folder string, rule *detect.Rule) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(folder, rule.Name, "attack-*.txt"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var best *schema.Finding
	worth := func(f *schema.Finding) int {
		switch {
		case f == nil:
			return 0
		case f.Summary == rule.Example:
			return 3
		case f.User != "":
			return 2
		}
		return 1
	}
	for _, name := range files {
		found, err := scenario(name)
		if err != nil {
			return nil, err
		}
		for i := range found {
			if found[i].Rule == rule.Name && worth(&found[i]) > worth(best) {
				best = &found[i]
			}
		}
	}
	if best == nil {
		return nil, errNone
	}
	return layOut(best)
}

// scenario folds a scenario and decides on what is found.
func scenario(name string) ([]schema.Finding, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	s, err := detecttest.Read(filepath.Base(name), file)
	if err != nil {
		return nil, err
	}
	config, err := rules.Decode(s.Config)
	if err != nil {
		return nil, err
	}
	folds := detect.NewFolds(config.Running(), 0)
	for _, e := range s.Events {
		e.Token, e.PreviousToken = fingerprint(e.Token), fingerprint(e.PreviousToken)
		folds.Fold(e)
	}
	folds.Flush()
	modes := map[string]actions.Mode{}
	for rule, setting := range config {
		modes[rule] = actions.Mode(setting.Mode)
	}
	cfg := actions.Defaults()
	cfg.Mode = actions.Enforce
	policy, err := actions.NewPolicy(cfg, modes)
	if err != nil {
		return nil, err
	}
	return actions.DecideAll(policy, folds.Findings(), folds.Commands()), nil
}

// fingerprint gives a scenario's short name of a token the form of a real one.
func fingerprint(name string) string {
	if name == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(name))
	return "h1:k1:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// layOut sets a finding for readers: a line for each field, and for each operand of the evidence.
func layOut(f *schema.Finding) ([]byte, error) {
	line, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := object(&out, line, ""); err != nil {
		return nil, fmt.Errorf("lay out: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func object(out *bytes.Buffer, text []byte, indent string) error {
	in := json.NewDecoder(bytes.NewReader(text))
	if _, err := in.Token(); err != nil {
		return err
	}
	out.WriteByte('{')
	for separator := "\n"; in.More(); separator = ",\n" {
		name, err := in.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s%s  %q: ", separator, indent, name)
		if name == "evidence" {
			if err := object(out, value, indent+"  "); err != nil {
				return err
			}
			continue
		}
		out.Write(spaced(value))
	}
	out.WriteString("\n" + indent + "}")
	return nil
}

// spaced puts a space after each comma and colon outside of strings.
func spaced(value []byte) []byte {
	var out []byte
	quoted := false
	for i, c := range value {
		out = append(out, c)
		switch {
		case c == '"' && (i == 0 || value[i-1] != '\\'):
			quoted = !quoted
		case (c == ',' || c == ':') && !quoted:
			out = append(out, ' ')
		}
	}
	return out
}
