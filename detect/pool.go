package detect

import "unsafe"

const (
	blockShift = 9
	blockSize  = 1 << blockShift
)

// ref names an element of a pool; 0 is none.
type ref = uint32

// pool hands out elements of one pointer-free type by number, out of blocks that never move, so that millions of them are a few
// thousand objects to the garbage collector.
type pool[T any] struct {
	blocks []*[blockSize]T
	free   []ref
	next   ref // the first element never handed out
	owner  *Tokens
}

func (p *pool[T]) at(r ref) *T { return &p.blocks[r>>blockShift][r&(blockSize-1)] }

// get returns a zero element. Where the budget is spent it makes the owner evict.
func (p *pool[T]) get() ref {
	if p.next == 0 {
		p.next = 1
	}
	if len(p.free) == 0 && int(p.next>>blockShift) >= len(p.blocks) {
		p.grow()
	}
	if n := len(p.free); n > 0 {
		r := p.free[n-1]
		p.free = p.free[:n-1]
		return r
	}
	r := p.next
	p.next++
	return r
}

func (p *pool[T]) grow() {
	size := int(unsafe.Sizeof([blockSize]T{})) + blockSize*4 // with room in the free list
	for !p.owner.budget.take(size) {
		if !p.owner.evict() {
			p.owner.pressed = true
			p.owner.budget.force(size)
			break
		}
		if len(p.free) > 0 {
			return
		}
	}
	p.blocks = append(p.blocks, new([blockSize]T))
}

func (p *pool[T]) put(r ref) {
	var zero T
	*p.at(r) = zero
	p.free = append(p.free, r)
}

func (p *pool[T]) bytes() int {
	return len(p.blocks) * (int(unsafe.Sizeof([blockSize]T{})) + blockSize*4)
}
