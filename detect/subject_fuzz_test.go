package detect_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"testing"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// FuzzSubjects folds arbitrary sightings: nothing panics, every finding, command and note can be written as JSON, confidences lie inside
// [0, 1], and the budget gets back what it gave.
func FuzzSubjects(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdefghijklmnopqrstuv"))
	f.Add([]byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7})
	f.Add([]byte{9, 255, 255, 255, 255, 255, 255, 255, 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 1, 1, 1, 1, 1, 1, 1})
	kinds := []schema.SightingKind{
		schema.SightingBorn, schema.SightingMoved, schema.SightingUsed, schema.SightingRejected, schema.SightingKnown, schema.SightingBack,
		schema.SightingEnded, schema.SightingRevoked, schema.SightingDismiss, "unheard-of",
	}
	scopes := []schema.Scope{schema.ScopeUser, schema.ScopeNetwork, schema.ScopeSession, schema.ScopeUser, schema.ScopeNetwork, "", "unheard-of"}
	f.Fuzz(func(t *testing.T, data []byte) {
		budget := detect.NewBudget(1 << 30)
		fold := subjects(brisk, budget)
		var out detect.Output
		check := func(v any) {
			if _, err := json.Marshal(v); err != nil {
				t.Fatalf("%v", err)
			}
		}
		for i := 0; i+16 <= len(data) && i < 16*256; i += 16 {
			b := data[i : i+16]
			e := &schema.Sighting{
				ID: "s", Kind: kinds[int(b[0])%len(kinds)], Scope: scopes[int(b[9])%len(scopes)], Subject: fmt.Sprint("s", b[9]%3), Offset: int64(i),
				Time: int64(binary.LittleEndian.Uint64(b[1:9])), EventID: fmt.Sprint("e", b[10]%64), User: fmt.Sprint("u", b[11]%5), Epoch: int(b[12]),
				Started: b[12]&1 != 0, Rotated: b[12]&2 != 0, Rejected: b[12]&60 == 60, Apart: b[13]&1 != 0, NewDevice: b[13]&2 != 0,
				Agent: schema.Agent{Family: fmt.Sprint("f", b[14]%4), Class: schema.DeviceClass(b[14])}, Device: string(b[13:14]),
				Geo: stops[int(b[15])%len(stops)],
			}
			if b[10]&64 == 0 { // times near each other meet
				e.Time = began + int64(b[1])*int64(1e10)
			}
			if b[10]&128 == 0 {
				e.Token = fmt.Sprint("t", b[11]%16)
			}
			if b[15]&128 == 0 {
				e.IP = netip.AddrFrom4([4]byte{10, 0, b[14], b[15]})
			} else {
				e.Geo.Lat, e.Geo.Network = math.Float64frombits(binary.LittleEndian.Uint64(b[1:9])), schema.NetworkClass(b[14])
				e.IP = netip.AddrFrom16([16]byte{0x20, 1, b[13]})
			}
			out.Reset()
			fold.Fold(e, &out)
			for k := range out.Findings {
				x := &out.Findings[k]
				check(x)
				if x.ID == "" || x.Confidence < 0 || x.Confidence > 1 || x.Rule == "" || x.Summary == "" || x.Subject == "" || len(x.Events) > 64 {
					t.Fatalf("%+v", x)
				}
			}
			check(out.Commands)
			check(out.Notes)
		}
		if got := budget.Used(); got > 4<<20 {
			t.Fatalf("%d bytes", got)
		}
		fold.Close()
		if got := budget.Used(); got != 0 {
			t.Fatalf("%d bytes are not given back", got)
		}
	})
}
