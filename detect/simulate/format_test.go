package simulate

import (
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimesAreRFC3339(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64Range(0, math.MaxInt64).Draw(t, "ns")
		for _, ns := range []int64{ns, ns - ns%1e3, ns - ns%1e9, ns - ns%86400e9} {
			if got, want := string(appendTime(nil, ns)), time.Unix(0, ns).UTC().Format(time.RFC3339Nano); got != want {
				t.Fatalf("%d is %s, want %s", ns, got, want)
			}
		}
	})
}

func TestDegreesAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		any, short := rapid.Float64Range(-180, 180).Draw(t, "v"), float64(rapid.IntRange(-1_800_000, 1_800_000).Draw(t, "n"))/1e4
		for _, v := range []float64{any, short, math.Round(any)} {
			if got, err := strconv.ParseFloat(string(appendDegrees(nil, v)), 64); err != nil || got != v {
				t.Fatalf("%v is read as %v (%v)", v, got, err)
			}
		}
	})
}
