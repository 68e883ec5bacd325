package decode

// maxDepth is how deep objects and arrays may nest: no record of the contract needs more than 4, and it bounds the stack.
const maxDepth = 64

// value reads any value that begins at i, at the given depth of nesting, and says where it stands and where the rest goes on.
func (s *scanner) value(i, depth int) (v span, next int) {
	if i >= len(s.b) {
		return v, s.fail(BadJSON)
	}
	start, end := i, 0
	var k kind
	switch c := s.b[i]; c {
	case '"':
		start = i + 1
		if end, k = s.str(start); end < 0 {
			return v, end
		}
		return span{uint32(start), uint32(end), k}, end + 1 // #nosec G115 -- records are at most 64 KiB
	case '{':
		end, k = s.skipObject(i+1, depth+1), kObject
	case '[':
		end, k = s.skipArray(i+1, depth+1), kArray
	case 't':
		end, k = s.literal(i, "true"), kTrue
	case 'f':
		end, k = s.literal(i, "false"), kFalse
	case 'n':
		end, k = s.literal(i, "null"), kNull
	default:
		if c != '-' && c-'0' > 9 {
			return v, s.fail(BadJSON)
		}
		end, k = s.num(i), kNumber
	}
	return span{uint32(start), uint32(max(end, 0)), k}, end // #nosec G115 -- records are at most 64 KiB
}

func (s *scanner) skipObject(i, depth int) int {
	if depth > maxDepth {
		return s.fail(BadJSON)
	}
	object := s.names.object()
	if i = s.space(i); i < len(s.b) && s.b[i] == '}' {
		return i + 1
	}
	for {
		name, next := s.name(i)
		if next < 0 {
			return next
		}
		if !s.names.add(object, name) {
			return s.fail(DuplicateKey)
		}
		if _, i = s.value(next, depth); i < 0 {
			return i
		}
		var more bool
		if i, more = s.after(i, '}'); !more {
			return i
		}
		i = s.space(i)
	}
}

func (s *scanner) skipArray(i, depth int) int {
	if depth > maxDepth {
		return s.fail(BadJSON)
	}
	if i = s.space(i); i < len(s.b) && s.b[i] == ']' {
		return i + 1
	}
	for {
		if _, i = s.value(i, depth); i < 0 {
			return i
		}
		var more bool
		if i, more = s.after(i, ']'); !more {
			return i
		}
		i = s.space(i)
	}
}

// name reads a member's name that begins at i, and the colon. The value begins at next.
func (s *scanner) name(i int) (name []byte, next int) {
	if i >= len(s.b) || s.b[i] != '"' {
		return nil, s.fail(BadJSON)
	}
	end, k := s.str(i + 1)
	if end < 0 {
		return nil, end
	}
	name = s.b[i+1 : end]
	if k == kEscaped {
		// Not in place: a skipped value may be read again.
		name = unescape(append([]byte(nil), name...))
	}
	if i = s.space(end + 1); i >= len(s.b) || s.b[i] != ':' {
		return nil, s.fail(BadJSON)
	}
	return name, s.space(i + 1)
}

// after reads what stands behind an element: a comma, and more is true, or the closing bracket.
func (s *scanner) after(i int, closing byte) (next int, more bool) {
	if i = s.space(i); i < len(s.b) {
		switch s.b[i] {
		case ',':
			return i + 1, true
		case closing:
			return i + 1, false
		}
	}
	return s.fail(BadJSON), false
}
