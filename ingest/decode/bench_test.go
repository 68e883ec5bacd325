package decode

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/hijackd/hijackd/schema"
)

// usual is an event as most apps send it: 14 fields, about 430 bytes.
func usual(i int) string {
	return fmt.Sprintf(`{"id":"019a5f3e-7c1b-7d2a-9f40-%012d","time":"2026-11-21T10:%02d:%02d.123456Z","token":"h1:k1:RaJMbMFAaRsshRqp6%04dg","type":"session.used","ip":"203.0.%d.%d","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36","user":"u-%07d","app":"billing-portal","session":"sid-%08d","method":"GET","path":"/api/v2/accounts/%d/invoices","status":200}`,
		i, i%60, i/60%60, i%10000, i>>8&255, i&255, i, i, i)
}

func benchmark(b *testing.B, value func(int) string) {
	const n = 1024
	records, values, size := make([]schema.Record, n), make([]string, n), 0
	for i := range records {
		values[i] = value(i)
		records[i] = schema.Record{Offset: int64(i), Time: 1795255200e9, Value: []byte(values[i])}
		size += len(values[i])
	}
	d, e := New(testHasher(b), 0), new(schema.Event)
	b.SetBytes(int64(size / n))
	b.ReportAllocs()
	b.ResetTimer()
	start := processorTime(b)
	for i := range b.N {
		rec := &records[i%n]
		copy(rec.Value, values[i%n]) // as the fetch does: a value is decoded once
		if r := d.Decode(rec, e); r != nil {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/op")
}

// processorTime is what the process has used, in nanoseconds: what is promised, where other processes share the processors.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkDecode(b *testing.B) {
	b.Run("usual", func(b *testing.B) { benchmark(b, usual) })
	b.Run("escapes", func(b *testing.B) {
		benchmark(b, func(i int) string { return usual(i)[:len(usual(i))-1] + `,"host":"a\u0026b","path2":"\u00e9"}` })
	})
	b.Run("every-field", func(b *testing.B) { benchmark(b, func(int) string { return full }) })
	b.Run("unpredictable", func(b *testing.B) {
		benchmark(b, func(i int) string {
			if i%2 == 0 {
				return full
			}
			return usual(i)
		})
	})
	b.Run("cloudevent", func(b *testing.B) {
		benchmark(b, func(i int) string {
			return `{"specversion":"1.0","source":"/shop","type":"com.example.session.used.v1","id":"x","data":` + usual(i) + `}`
		})
	})
}

func TestDecodingAllocatesNothing(t *testing.T) {
	for name, text := range map[string]string{"usual": usual(5), "every field": full, "an unknown field": bare + `,"trace":{"id":"x"}}`} {
		d, e := New(testHasher(t), 0), new(schema.Event)
		value := make([]byte, len(text))
		rec := &schema.Record{Time: 1795255200e9, Value: value}
		var reject *Reject
		n := testing.AllocsPerRun(100, func() {
			copy(value, text)
			reject = d.Decode(rec, e)
		})
		if reject != nil || n != 0 {
			t.Errorf("%s: %v allocations, %v", name, n, reject)
		}
	}
}
