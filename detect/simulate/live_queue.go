package simulate

// turn is when an actor acts next; order breaks ties, so that one seed gives one order.
type turn struct {
	at    int64
	order uint32
	actor actor
}

func (t turn) before(o turn) bool { return t.at < o.at || t.at == o.at && t.order < o.order }

// queue is a binary heap, the earliest turn first.
type queue []turn

func (q *queue) push(t turn) {
	*q = append(*q, t)
	h := *q
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (q queue) replaceTop(t turn) {
	q[0] = t
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(q) {
			return
		}
		if child+1 < len(q) && q[child+1].before(q[child]) {
			child++
		}
		if !q[child].before(q[i]) {
			return
		}
		q[i], q[child] = q[child], q[i]
		i = child
	}
}

func (q *queue) pop() {
	h := *q
	last := h[len(h)-1]
	*q = h[:len(h)-1]
	if len(*q) > 0 {
		q.replaceTop(last)
	}
}
