package broker

import (
	"bytes"
	"encoding/binary"

	"github.com/pierrec/lz4/v4"
)

// lz4Frame decodes an LZ4 frame block by block into the arena, which costs half of what the library's reader does. Frames whose blocks
// depend on each other go through the reader.
//
// The format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
func (a *arena) lz4Frame(in []byte) error {
	const (
		independent = 1 << 5
		blockSum    = 1 << 4
		contentSize = 1 << 3
		dictionary  = 1 << 0
	)
	if len(in) < 7 || binary.LittleEndian.Uint32(in) != 0x184D2204 {
		return errFrame
	}
	flags, size := in[4], 1<<(8+2*int(in[5]>>4&7))
	if flags&independent == 0 || flags&dictionary != 0 {
		if a.lz4 == nil {
			a.lz4 = lz4.NewReader(nil)
		}
		a.lz4.Reset(bytes.NewReader(in))
		return a.copyFrom(a.lz4)
	}
	head := 7
	if flags&contentSize != 0 {
		head += 8
	}
	if len(in) < head {
		return errFrame
	}
	for in = in[head:]; ; {
		if len(in) < 4 {
			return errFrame
		}
		n := binary.LittleEndian.Uint32(in)
		in = in[4:]
		if n == 0 {
			return nil
		}
		stored := n&(1<<31) != 0
		block := int(n &^ (1 << 31))
		end := block
		if flags&blockSum != 0 {
			end += 4
		}
		if block > size || end > len(in) {
			return errFrame
		}
		if err := a.room(min(size, max(maxArena-len(a.buf), block))); err != nil {
			return err
		}
		if stored {
			a.buf = append(a.buf, in[:block]...)
		} else {
			k, err := lz4.UncompressBlock(in[:block], a.buf[len(a.buf):min(cap(a.buf), len(a.buf)+size)])
			if err != nil {
				if cap(a.buf)-len(a.buf) < size {
					return errLimit
				}
				return errFrame
			}
			a.buf = a.buf[:len(a.buf)+k]
		}
		in = in[end:]
	}
}
