package broker

import (
	"encoding/binary"
	"testing"

	"github.com/hijackd/hijackd/schema"
)

var value = []byte{14, 0, 0, 0, 1, 2, 'v', 0} // a record: length 7, offset 0, no key, value "v", no headers

func at(offset int64, batch []byte) []byte {
	b := append([]byte(nil), batch...)
	binary.BigEndian.PutUint64(b, uint64(offset))
	return b
}

// oldMessage is a message of the format before Kafka 0.11, shorter than the header of a batch.
func oldMessage() []byte {
	b := make([]byte, 12+14+10)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	b[magicAt] = 1
	for i := 17; i < len(b); i++ {
		b[i] = 0x7f // read as a batch, its end would be far away
	}
	return b
}

// A batch that can't be read must never make a lane skip what follows it, nor stand still.
func TestAnUnsoundBatchSkipsNothingElse(t *testing.T) {
	good := seal(0, 1, value)
	flipped := func(i int, batch []byte) []byte {
		b := append([]byte(nil), batch...)
		b[i] ^= 0x40
		return b
	}
	length := at(5, good)
	binary.BigEndian.PutUint32(length[8:], 0xffffff00)
	for name, c := range map[string]struct {
		data  []byte
		wants []schema.Record
		next  int64
	}{
		"old message":           {append(at(5, oldMessage()), at(6, good)...), []schema.Record{{Offset: 5, Broken: "record format"}, {Offset: 6}}, 7},
		"old message alone":     {at(5, oldMessage()), []schema.Record{{Offset: 5, Broken: "record format"}}, 6},
		"end flipped":           {append(at(5, flipped(23, good)), at(6, good)...), []schema.Record{{Offset: 5, Broken: "checksum"}, {Offset: 6}}, 7},
		"end flipped, alone":    {at(5, flipped(23, good)), []schema.Record{{Offset: 5, Broken: "checksum"}}, 6},
		"record flipped, alone": {at(5, flipped(62, seal(0, 3, value))), []schema.Record{{Offset: 5, Broken: "checksum"}}, 8},
		"seen before":           {at(3, flipped(23, good)), []schema.Record{{Offset: 5, Broken: "checksum"}}, 6},
		"length":                {length, []schema.Record{{Offset: 5, Broken: "length"}}, 6},
		"cut off":               {at(5, good)[:40], nil, 5},
	} {
		t.Run(name, func(t *testing.T) {
			b := Batch{Next: 5}
			b.decoder.decode(&b, c.data, nil, 5)
			if len(b.Records) != len(c.wants) || b.Next != c.next {
				t.Fatalf("got %+v, next %d; want %+v, next %d", b.Records, b.Next, c.wants, c.next)
			}
			for i, w := range c.wants {
				if b.Records[i].Offset != w.Offset || b.Records[i].Broken != w.Broken {
					t.Errorf("record %d: got %+v, want %+v", i, b.Records[i], w)
				}
			}
		})
	}
}

func TestWhatARecordMayHold(t *testing.T) {
	records := []byte{
		12, 0, 0, 0, 1, 1, 0, // null key, null value
		12, 0, 0, 2, 0, 0, 0, // empty key, empty value
		28, 0, 0, 4, 1, 2, 'v', 4, 2, 'h', 2, 'x', 2, 'n', 1, // two headers, the second null
	}
	data := seal(logAppendTime, 3, records)
	binary.BigEndian.PutUint64(data[27:], 1_000)
	binary.BigEndian.PutUint64(data[35:], 2_000)
	reseal(data)
	var b Batch
	b.decoder.decode(&b, data, nil, 0)
	if len(b.Records) != 3 || b.Next != 3 {
		t.Fatalf("got %+v", b.Records)
	}
	null, empty, full := b.Records[0], b.Records[1], b.Records[2]
	if null.Key != nil || null.Value != nil {
		t.Errorf("null: key %v, value %v", null.Key, null.Value)
	}
	if empty.Key == nil || empty.Value == nil || len(empty.Key)+len(empty.Value) != 0 {
		t.Errorf("empty: key %v, value %v", empty.Key, empty.Value)
	}
	if h := full.Headers; len(h) != 2 || h[0].Key != "h" || string(h[0].Value) != "x" || h[1].Key != "n" || h[1].Value != nil {
		t.Errorf("headers: %+v", h)
	}
	if null.Time != 2_000_000_000 {
		t.Errorf("log-append time %d, want 2 s", null.Time)
	}
}
