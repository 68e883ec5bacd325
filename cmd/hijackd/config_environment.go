package main

import (
	"slices"
	"strconv"
	"strings"
)

// variablePrefix begins the name of every environment variable of hijackd.
const variablePrefix = "HIJACKD_"

// ours are variables that configure tests and tools, not the daemon.
func foreign(variable string) bool {
	return strings.HasPrefix(variable, "HIJACKD_TEST_") || variable == "HIJACKD_CACHE" || variable == "HIJACKD_LIBCHDB"
}

// variableOf is the variable of a key: kafka.tls.ca_file is HIJACKD_KAFKA_TLS_CA_FILE.
func variableOf(path string) string {
	return variablePrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}

func (l *loader) readEnvironment(environ []string) {
	byName := map[string]string{}
	for _, e := range environ {
		if name, v, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, variablePrefix) && !foreign(name) {
			byName[name] = v
		}
	}
	var known []string
	for i := range l.keys {
		k := &l.keys[i]
		name := variableOf(k.path)
		known = append(known, name)
		v, set := byName[name]
		delete(byName, name)
		if set {
			l.fill(k, node{kind: nodeVariable, text: v}, Problem{Source: "environment", Key: name})
		}
		f, ok := k.value.(fileValue)
		if !ok {
			continue
		}
		content := strings.TrimSuffix(name, "_FILE")
		known = append(known, content)
		secret, given := byName[content]
		delete(byName, content)
		if !given || secret == "" {
			continue
		}
		at := Problem{Source: "environment", Key: content}
		if set && v != "" {
			l.fail(at, "is set, and so is "+name)
			continue
		}
		f.setContent(secret)
		l.set[k.path] = at
	}
	l.warnUnknown(byName, known)
}

func (l *loader) warnUnknown(left map[string]string, known []string) {
	names := make([]string, 0, len(left))
	for name := range left {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text := "unknown variable"
		if near := nearest(name, known); near != "" {
			text += ", did you mean " + near + "?"
		}
		l.warn(Problem{Source: "environment", Key: name}, text)
	}
}

func itoa(i int) string { return strconv.Itoa(i) }
