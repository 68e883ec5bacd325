package decode

// nameSet finds duplicates among the names that are not known fields, object by object.
type nameSet struct {
	objects int32
	n       int
	few     [16]member // as most records have
	many    map[member]struct{}
}

type member struct {
	object int32
	name   string
}

func (s *nameSet) reset() {
	s.objects, s.n, s.many = 0, 0, nil
}

// object returns the number of a new object. 0 is the outermost.
func (s *nameSet) object() int32 {
	s.objects++
	return s.objects
}

// add reports whether the object did not have the name yet. The name is kept until reset.
func (s *nameSet) add(object int32, name []byte) bool {
	m := member{object, alias(name)}
	for i := range min(s.n, len(s.few)) {
		if s.few[i] == m {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = m
		s.n++
		return true
	}
	if s.many == nil {
		s.many = map[member]struct{}{}
	}
	before := len(s.many)
	s.many[m] = struct{}{}
	return len(s.many) > before
}
