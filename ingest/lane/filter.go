package lane

import (
	"math/bits"
	"slices"
)

// filter remembers which keys were ever stored, in 10 bits each: it never forgets one, and takes about one in a hundred for known that
// isn't, which costs a look-up and nothing else. It grows by adding layers of twice the size.
//
// Blocked Bloom filter: Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007.
type filter struct {
	layers []layer
	room   int // keys that the last layer still takes
}

type layer [][8]uint64 // blocks of one cache line

const (
	firstLayer  = 1 << 16 // keys
	keysInBlock = 48      // of 512 bits
	probes      = 7
)

func (f *filter) add(h uint64) {
	if f.has(h) {
		return
	}
	if f.room == 0 {
		f.room = firstLayer << len(f.layers)
		f.layers = append(f.layers, make(layer, f.room/keysInBlock+1))
	}
	f.room--
	block, h2 := f.layers[len(f.layers)-1].block(h)
	for range probes {
		block[h2>>6&7] |= 1 << (h2 & 63)
		h2 = bits.RotateLeft64(h2, -9)
	}
}

// merge adds the keys of o, which it takes over.
func (f *filter) merge(o *filter) {
	if len(f.layers) == 0 {
		f.room = o.room
	}
	f.layers = append(o.layers, f.layers...)
}

func (f *filter) has(h uint64) bool {
	for _, l := range slices.Backward(f.layers) {
		block, h2 := l.block(h)
		hit := true
		for range probes {
			hit = hit && block[h2>>6&7]&(1<<(h2&63)) != 0
			h2 = bits.RotateLeft64(h2, -9)
		}
		if hit {
			return true
		}
	}
	return false
}

func (l layer) block(h uint64) (*[8]uint64, uint64) {
	hi, _ := bits.Mul64(h, uint64(len(l)))
	return &l[hi], h * 0x9E3779B97F4A7C15
}
