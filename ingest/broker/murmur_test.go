package broker

import (
	"testing"

	"github.com/segmentio/kafka-go"
	"pgregory.net/rapid"
)

func TestMurmur2PlacesAsOtherClientsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, n := rapid.SliceOf(rapid.Byte()).Draw(t, "key"), rapid.IntRange(1, 200).Draw(t, "partitions")
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		want := kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, all...)
		if got := murmur2(key, n); int(got) != want {
			t.Errorf("partition %d, want %d", got, want)
		}
	})
}
