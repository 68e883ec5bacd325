package main

import (
	"errors"
	"slices"
	"strings"
)

// loader fills the keys from the file and the environment and gathers everything that is wrong, not only the first thing.
type loader struct {
	origins
	keys     []key
	problems []error
	warnings []Warning
}

// origins remembers where the keys and sections were set.
type origins struct {
	file string
	set  map[string]Problem // with an empty Text
}

// at is where a key was set, or else the section that it is missing from.
func (o origins) at(path string) Problem {
	for section := path; ; {
		if at, ok := o.set[section]; ok {
			if section != path {
				at.Key = path
			}
			return at
		}
		dot := strings.LastIndexByte(section, '.')
		if dot < 0 {
			return Problem{Source: o.file, Key: path}
		}
		section = section[:dot]
	}
}

func (l *loader) fail(at Problem, text string) {
	at.Text = text
	l.problems = append(l.problems, &at)
}

func (l *loader) warn(at Problem, text string) {
	at.Text = text
	l.warnings = append(l.warnings, Warning(at))
}

func (l *loader) readYAML(text []byte) {
	top, err := parseYAML(text)
	if err != nil {
		at := Problem{Source: l.file}
		if e, ok := errors.AsType[*lineError](err); ok {
			at.Line = e.line
		}
		l.fail(at, err.Error())
		return
	}
	l.readMapping("", top)
}

// readMapping walks the tree: every entry is a key, a section above keys, or unknown.
func (l *loader) readMapping(prefix string, m node) {
	for _, e := range m.entries {
		path := prefix + e.key
		at := Problem{Source: l.file, Line: e.line, Key: path}
		if first, ok := l.set[path]; ok {
			l.fail(at, "is set twice, first in line "+itoa(first.Line))
			continue
		}
		l.set[path] = at
		if k := l.find(path); k != nil {
			if e.value.kind != nodeNull { // a key without a value keeps its default
				l.fill(k, e.value, at)
			}
			continue
		}
		switch {
		case !l.section(path):
			l.unknown(at, path)
		case e.value.kind == nodeMapping:
			l.readMapping(path+".", e.value)
		case e.value.kind != nodeNull:
			l.fail(at, "want a mapping of keys, got "+e.value.kind.String())
		}
	}
}

func (l *loader) fill(k *key, n node, at Problem) {
	err := k.value.set(n)
	if err == nil {
		l.set[k.path] = at
		return
	}
	if e, ok := errors.AsType[*lineError](err); ok && e.line > 0 {
		at.Line = e.line
	}
	l.fail(at, err.Error())
}

func (l *loader) find(path string) *key {
	for i := range l.keys {
		if l.keys[i].path == path {
			return &l.keys[i]
		}
	}
	return nil
}

func (l *loader) section(path string) bool {
	return slices.ContainsFunc(l.keys, func(k key) bool { return strings.HasPrefix(k.path, path+".") })
}

func (l *loader) unknown(at Problem, path string) {
	text := "unknown key"
	if near := nearest(path, l.paths()); near != "" {
		text += ", did you mean " + near + "?"
	}
	l.fail(at, text)
}

// paths lists the keys and the sections above them.
func (l *loader) paths() []string {
	var all []string
	for _, k := range l.keys {
		for i, r := range k.path {
			if r == '.' {
				all = append(all, k.path[:i])
			}
		}
		all = append(all, k.path)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// readFiles reads what the keys name: secrets now, so that a running daemon never meets a missing file.
func (l *loader) readFiles() {
	for _, k := range l.keys {
		f, ok := k.value.(interface{ read() error })
		if !ok {
			continue
		}
		if err := f.read(); err != nil {
			l.fail(l.at(k.path), err.Error())
		}
	}
}

func (l *loader) warnPending() {
	for _, k := range l.keys {
		if at, ok := l.set[k.path]; ok && k.pending != "" && k.value.String() != k.initial {
			l.warn(at, k.pending)
		}
	}
}

// nearest is the candidate that few typing errors lead to, or empty.
func nearest(s string, candidates []string) string {
	best, near := 1+len(s)/4, ""
	for _, c := range candidates {
		if d := editDistance(s, c); d < best || d == best && near == "" {
			best, near = d, c
		}
	}
	return near
}

// editDistance is Levenshtein's, in bytes; long texts are not compared.
func editDistance(a, b string) int {
	if len(a) > 128 || len(b) > 128 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
