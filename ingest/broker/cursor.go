package broker

import "encoding/binary"

// cursor reads Kafka's wire format. Reading past the end sets bad and yields zeros.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.bad, c.b = true, nil
		return nil
	}
	t := c.b[:n:n]
	c.b = c.b[n:]
	return t
}

func (c *cursor) skip(n int) { c.take(n) }

func (c *cursor) u16() uint16 {
	if t := c.take(2); t != nil {
		return binary.BigEndian.Uint16(t)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if t := c.take(4); t != nil {
		return binary.BigEndian.Uint32(t)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if t := c.take(8); t != nil {
		return binary.BigEndian.Uint64(t)
	}
	return 0
}

// varint reads a zigzag number; those of one and two bytes, which nearly all are, without a loop.
func (c *cursor) varint() int64 {
	if len(c.b) > 1 {
		if b := c.b[0]; b < 0x80 {
			c.b = c.b[1:]
			return int64(b>>1) ^ -int64(b&1)
		}
		if b := c.b[1]; b < 0x80 {
			u := uint64(c.b[0]&0x7f) | uint64(b)<<7
			c.b = c.b[2:]
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}
