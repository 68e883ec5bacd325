package broker

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
	"unsafe"

	"github.com/hijackd/hijackd/schema"
)

const (
	batchHeader   = 61 // bytes of a record batch, format v2, before its records
	magicAt       = 16 // where all formats say which they are
	transactional = 1 << 4
	control       = 1 << 5
	logAppendTime = 1 << 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchDecoder turns record batches into records. What it allocates it keeps for the next fetch.
type batchDecoder struct {
	arena   arena
	headers []schema.Header
}

// decode appends the records of data from offset from on to b.Records. A batch that cannot be read becomes one broken record; the last
// batch of an answer may be cut off and is left for the next fetch.
func (d *batchDecoder) decode(b *Batch, data []byte, aborted []abortedTransaction, from int64) {
	d.arena.reset()
	d.headers = d.headers[:0]
	active := map[int64]bool(nil)
	for len(data) > magicAt {
		size := 12 + int(int32(binary.BigEndian.Uint32(data[8:])))
		if size > len(data) {
			return
		}
		if size <= magicAt { // where the next batch begins is anybody's guess
			d.broken(b, b.Next, from, "length")
			b.Next++
			return
		}
		raw := data[:size]
		data = data[size:]
		base := int64(binary.BigEndian.Uint64(raw))
		if why := unsound(raw); why != "" {
			d.broken(b, base, from, why)
			b.Next = max(b.Next, from+1, unsoundEnd(raw, data))
			continue
		}
		last := base + int64(int32(binary.BigEndian.Uint32(raw[23:])))
		attributes := binary.BigEndian.Uint16(raw[21:])
		producer := int64(binary.BigEndian.Uint64(raw[43:]))
		for len(aborted) > 0 && aborted[0].first <= last {
			if active == nil {
				active = map[int64]bool{}
			}
			active[aborted[0].producer] = true
			aborted = aborted[1:]
		}
		switch {
		case last < from || last < base:
		case attributes&control != 0:
			delete(active, producer) // a control batch ends its producer's transaction
		case attributes&transactional != 0 && active[producer]:
		default:
			if full := d.records(b, raw, base, from, attributes); full {
				return // the arena is full: what is left comes with the next fetch
			}
		}
		b.Next = max(b.Next, last+1)
	}
}

// unsound says why a batch can't be read, "" for one that can.
func unsound(raw []byte) string {
	switch {
	case raw[magicAt] != 2 || len(raw) < batchHeader:
		return "record format"
	case crc32.Checksum(raw[21:], castagnoli) != binary.BigEndian.Uint32(raw[17:]):
		return "checksum"
	}
	return ""
}

// unsoundEnd is the offset to go on at after an unsound batch. Its own word counts only if its two counts agree: a flipped bit must not
// make us skip what follows. Otherwise the next batch says it, or else one offset is given up at a time.
func unsoundEnd(raw, following []byte) int64 {
	base := int64(binary.BigEndian.Uint64(raw))
	if len(following) >= 8 {
		return max(base+1, int64(binary.BigEndian.Uint64(following)))
	}
	if raw[magicAt] == 2 && len(raw) >= batchHeader {
		if last := binary.BigEndian.Uint32(raw[23:]); last+1 == binary.BigEndian.Uint32(raw[57:]) && last < 1<<31-1 {
			return base + int64(last) + 1
		}
	}
	return base + 1
}

func (d *batchDecoder) broken(b *Batch, base, from int64, why string) {
	b.Records = append(b.Records, schema.Record{Offset: max(base, from), Broken: why})
}

func (d *batchDecoder) records(b *Batch, raw []byte, base, from int64, attributes uint16) (full bool) {
	body, err := d.arena.decompress(attributes&7, raw[batchHeader:])
	if err != nil {
		if errors.Is(err, errLimit) && len(b.Records) > 0 {
			return true
		}
		d.broken(b, base, from, err.Error())
		return false
	}
	first := int64(binary.BigEndian.Uint64(raw[27:]))
	appended := int64(binary.BigEndian.Uint64(raw[35:]))
	count := int(int32(binary.BigEndian.Uint32(raw[57:])))
	c := cursor{b: body}
	before := len(b.Records)
	for range count {
		r := cursor{b: c.take(int(c.varint()))}
		r.skip(1)
		ms := first + r.varint()
		if attributes&logAppendTime != 0 {
			ms = appended
		}
		rec := schema.Record{Time: ms * int64(time.Millisecond), Offset: base + r.varint()}
		if n := r.varint(); n >= 0 {
			rec.Key = r.take(int(n))
		}
		if n := r.varint(); n >= 0 {
			rec.Value = r.take(int(n))
			if rec.Value == nil && !r.bad {
				rec.Value = []byte{}
			}
		}
		if n := r.varint(); n > 0 {
			rec.Headers = d.readHeaders(&r, n)
		}
		if c.bad || r.bad {
			b.Records = b.Records[:before]
			d.broken(b, base, from, "record")
			return false
		}
		if rec.Offset >= from {
			b.Records = append(b.Records, rec)
		}
	}
	return false
}

func (d *batchDecoder) readHeaders(r *cursor, n int64) []schema.Header {
	start := len(d.headers)
	for ; n > 0 && !r.bad; n-- {
		k := r.take(int(r.varint()))
		h := schema.Header{Key: unsafe.String(unsafe.SliceData(k), len(k))} // #nosec G103 -- aliases the buffer, as Record says
		if m := r.varint(); m >= 0 {
			h.Value = r.take(int(m))
		}
		d.headers = append(d.headers, h)
	}
	return d.headers[start:len(d.headers):len(d.headers)]
}
