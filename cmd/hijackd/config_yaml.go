package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeText
	nodeNumber
	nodeBool
	nodeList
	nodeMapping
	nodeVariable // text whose type the environment can't tell
)

var nodeKinds = [...]string{"nothing", "text", "a number", "true or false", "a list", "a mapping", "text"}

func (k nodeKind) String() string { return nodeKinds[k] }

// node is a piece of YAML with its line, and nothing of YAML's surprises: no anchors, tags or merges.
type node struct {
	kind    nodeKind
	line    int
	text    string // of a scalar
	items   []node
	entries []entry
}

type entry struct {
	key   string
	line  int
	value node
}

// hint helps those whose text YAML took for something else.
func (n node) hint() string {
	if n.kind == nodeNumber || n.kind == nodeBool {
		return "; put it in quotes"
	}
	return ""
}

// maxYAMLDepth bounds the nesting; the contract's configuration has four levels.
const maxYAMLDepth = 16

// parseYAML returns the top mapping, or a *lineError.
func parseYAML(text []byte) (top node, err error) {
	if depth(text) > maxYAMLDepth*4 {
		return node{}, &lineError{1, errors.New("is nested too deeply")}
	}
	// The parser is not ours: what it makes of hostile text must not take a running daemon down on reload.
	defer func() {
		if recover() != nil {
			err = &lineError{1, errors.New("is no YAML")}
		}
	}()
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		if s, ok := errors.AsType[*yaml.SyntaxError](err); ok && s.GetToken() != nil {
			return node{}, &lineError{s.GetToken().Position.Line, errors.New("is no YAML: " + s.GetMessage())}
		}
		return node{}, &lineError{1, errors.New("is no YAML")}
	}
	top.kind = nodeMapping
	seen := false
	for _, doc := range f.Docs {
		if doc.Body == nil {
			continue
		}
		n, err := convert(doc.Body, 0)
		switch {
		case err != nil:
			return node{}, err
		case n.kind == nodeNull:
			continue
		case n.kind != nodeMapping:
			return node{}, &lineError{n.line, fmt.Errorf("want a mapping of keys, got %s", n.kind)}
		case seen:
			return node{}, &lineError{n.line, errors.New("holds more than one YAML document")}
		}
		top, seen = n, true
	}
	return top, nil
}

// depth is an upper bound of how deep the parser recurses: by brackets of flow style, or by dashes and indentation of block style.
func depth(text []byte) int {
	brackets, most := 0, 0
	for line := range bytes.Lines(text) {
		block := len(line) - len(bytes.TrimLeft(line, " -?:"))
		most = max(most, block)
		for _, b := range line {
			switch b {
			case '[', '{':
				brackets++
			case ']', '}':
				brackets = max(0, brackets-1)
			}
			most = max(most, brackets)
		}
	}
	return most
}

func convert(a ast.Node, level int) (node, error) {
	n := node{line: a.GetToken().Position.Line}
	fail := func(what string) (node, error) { return node{}, &lineError{n.line, errors.New(what)} }
	if level > maxYAMLDepth {
		return fail("is nested too deeply")
	}
	switch a := a.(type) {
	case *ast.NullNode:
		return n, nil
	case *ast.StringNode:
		n.kind, n.text = nodeText, a.Value
	case *ast.LiteralNode:
		n.kind, n.text = nodeText, a.Value.Value
	case *ast.IntegerNode:
		n.kind, n.text = nodeNumber, a.Token.Value
	case *ast.FloatNode:
		n.kind, n.text = nodeNumber, a.Token.Value
	case *ast.BoolNode:
		n.kind, n.text = nodeBool, strings.ToLower(a.Token.Value)
	case *ast.SequenceNode:
		n.kind = nodeList
		for _, v := range a.Values {
			item, err := convert(v, level+1)
			if err != nil {
				return node{}, err
			}
			n.items = append(n.items, item)
		}
	case *ast.MappingNode:
		return convertEntries(n, a.Values, level)
	case *ast.MappingValueNode:
		return convertEntries(n, []*ast.MappingValueNode{a}, level)
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return fail("anchors and aliases are not supported")
	case *ast.TagNode, *ast.DirectiveNode:
		return fail("tags and directives are not supported")
	default:
		return fail("is not supported here: " + strings.ToLower(a.Type().String()))
	}
	return n, nil
}

func convertEntries(n node, values []*ast.MappingValueNode, level int) (node, error) {
	n.kind = nodeMapping
	for _, v := range values {
		k, err := convert(v.Key, level+1)
		if err != nil {
			return node{}, err
		}
		if k.kind == nodeList || k.kind == nodeMapping {
			return node{}, &lineError{k.line, errors.New("a key must be text")}
		}
		value := node{line: k.line}
		if v.Value != nil {
			if value, err = convert(v.Value, level+1); err != nil {
				return node{}, err
			}
		}
		n.entries = append(n.entries, entry{key: k.text, line: k.line, value: value})
	}
	return n, nil
}
