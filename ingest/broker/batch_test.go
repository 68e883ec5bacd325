package broker

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// seal completes a batch of one uncompressed record region: length and checksum.
func seal(attributes uint16, count uint32, records []byte) []byte {
	b := make([]byte, batchHeader, batchHeader+len(records))
	b[16] = 2
	binary.BigEndian.PutUint16(b[21:], attributes)
	binary.BigEndian.PutUint32(b[23:], count-1)
	binary.BigEndian.PutUint32(b[57:], count)
	b = append(b, records...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	reseal(b)
	return b
}

func reseal(b []byte) { binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli)) }

func TestABadBatchIsOneBrokenRecordAndTheNextOneIsRead(t *testing.T) {
	good := seal(0, 1, []byte{14, 0, 0, 0, 1, 2, 'v', 0}) // length 7, offset 0, no key, value "v", no headers
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)-2] ^= 1
	old := append([]byte(nil), good...)
	old[16] = 1
	for why, bad := range map[string][]byte{
		"checksum":      flipped,
		"record format": old,
		"unknown codec": seal(7, 1, []byte("?")),
		"compression":   seal(4, 1, []byte("not zstd")),
		"record":        seal(0, 1, []byte{200}),
	} {
		t.Run(why, func(t *testing.T) {
			next := append([]byte(nil), good...)
			binary.BigEndian.PutUint64(next, 1) // base offset: outside the checksum
			var b Batch
			b.decoder.decode(&b, append(append([]byte(nil), bad...), next...), nil, 0)
			if len(b.Records) != 2 || b.Records[0].Broken != why || string(b.Records[1].Value) != "v" || b.Next != 2 {
				t.Errorf("got %+v, next %d", b.Records, b.Next)
			}
		})
	}
}

func FuzzBatch(f *testing.F) {
	f.Add(seal(0, 1, []byte{14, 0, 0, 0, 1, 2, 'v', 0}), uint16(0))
	for codec := range uint16(8) {
		f.Add([]byte("\x04\x22\x4d\x18\x60\x40\x82\x00\x00\x00\x00"), codec)
		f.Add([]byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02\x01\x00"), codec)
	}
	f.Fuzz(func(t *testing.T, data []byte, attributes uint16) {
		for _, raw := range [][]byte{data, seal(attributes, 3, data)} {
			var b Batch
			b.decoder.decode(&b, raw, []abortedTransaction{{0, 0}}, 5)
			for _, r := range b.Records {
				if r.Offset < 5 {
					t.Fatalf("a record at offset %d, asked for 5", r.Offset)
				}
			}
		}
	})
}
