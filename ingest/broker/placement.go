package broker

import (
	"context"
	"hash/crc32"
	"hash/fnv"
)

// Placement says which partition of n a key belongs to, as some client library decides it.
type Placement struct {
	Name string
	Of   func(key []byte, n int) int32
}

// Placements are the ways in which the common client libraries place keys, the commonest first.
var Placements = []Placement{
	{"murmur2", murmur2}, // Java, franz-go, kafkajs, aiokafka, kafka-go's Murmur2Balancer
	{"crc32", func(key []byte, n int) int32 { return int32(crc32.ChecksumIEEE(key) % uint32(n)) }}, // librdkafka
	{"fnv1a", fnv1a}, // sarama, kafka-go's Hash balancer
}

func fnv1a(key []byte, n int) int32 {
	h := fnv.New32a()
	h.Write(key)
	p := int32(h.Sum32()) % int32(n)
	if p < 0 {
		p = -p
	}
	return p
}

// tailRecords is how many records at the end of each partition Observe looks at.
const tailRecords = 200

// Observe looks at the records at the end of each partition and returns the placement that explains all their keys; false when none
// does, or when wellKeyed refuses a record because its key isn't its token. An empty topic counts as murmur2.
func (c *Client) Observe(ctx context.Context, topic string, partitions int, wellKeyed func(key, value []byte) bool) (Placement, bool, error) {
	fits := make([]bool, len(Placements))
	for i := range fits {
		fits[i] = true
	}
	keyed := true
	for p := range int32(partitions) {
		first, next, err := c.Bounds(ctx, topic, p)
		if err != nil {
			return Placement{}, false, err
		}
		_, err = c.Scan(ctx, topic, p, max(first, next-tailRecords), func(b *Batch) error {
			for _, r := range b.Records {
				if r.Broken != "" || r.Value == nil {
					continue
				}
				keyed = keyed && wellKeyed(r.Key, r.Value)
				for i, pl := range Placements {
					fits[i] = fits[i] && pl.Of(r.Key, partitions) == p
				}
			}
			return nil
		})
		if err != nil {
			return Placement{}, false, err
		}
	}
	for i, ok := range fits {
		if ok && keyed {
			return Placements[i], true, nil
		}
	}
	return Placements[0], false, nil
}
