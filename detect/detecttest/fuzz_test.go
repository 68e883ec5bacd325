package detecttest_test

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

// FuzzFold folds arbitrary events, notes with arbitrary payloads among them: nothing panics, every finding can be written as JSON, has
// an id, a time and a confidence inside [0, 1].
func FuzzFold(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdefghijklmnopqrstuvwxyz"), "{}")
	f.Add([]byte{9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, `{"uses":[{"id":"x","time":1,"vantage":0,"actor":-1}],"vantages":[{"ip":"192.0.2.1"}]}`)
	f.Add([]byte("periodic uses of one token, at intervals alike, by a key"), `{"root":"t0","depth":1,"start":5,"auth":[{"id":"a","known":7,"auth_time":1,"vantage":0}],"vantages":[{"ip":"192.0.2.1"}],"uses":[]}`)
	f.Add([]byte{10, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 8, 1, 1, 1, 1, 1, 1, 1}, `{"finding":"f","token":"t","class":"attacker"}`)
	f.Fuzz(func(t *testing.T, data []byte, note string) {
		folds := detect.NewFolds(running, 0)
		var events []*schema.Event
		for i := 0; i+16 <= len(data) && i < 16*64; i += 16 {
			b := data[i : i+16]
			geo := geos[int(b[9])%len(geos)]
			geo.Lat += float64(int8(b[10])) * 7
			geo.Lon = math.Float64frombits(binary.LittleEndian.Uint64(b[1:9]))
			e := &schema.Event{
				ID: fmt.Sprint("e", b[11]%32), Type: schema.EventType(b[0] % 11), Time: int64(binary.LittleEndian.Uint64(b[1:9])), Offset: int64(i),
				Token: fmt.Sprint("t", b[12]%4), PreviousToken: fmt.Sprint("t", b[13]%4), Geo: geo, Agent: agents[int(b[14])%len(agents)],
				ExpiresAt: int64(b[15]) << 40, Note: note, Outcome: schema.Outcome(1 + b[15]%2), Ahead: b[14] == 255,
			}
			e.User, e.App = []string{"", "", "u-1", "u-2"}[b[12]>>2&3], []string{"", "shop"}[b[12]>>4&1]
			e.CNF, e.Binding, e.Sensitive = []string{"", "k-1", "k-2", ""}[b[13]>>2&3], schema.Binding(b[13]>>4&3%3), b[13]>>7 == 1
			if b[12]>>5&1 == 1 {
				e.AuthTime = e.Time - int64(b[11])*1e10
			}
			if b[10] != 0 {
				e.IP = netip.AddrFrom4([4]byte{10, 0, b[9], b[10] % 4})
			}
			events = append(events, e)
		}
		folds.Found = func(f *schema.Finding) {
			if _, err := json.Marshal(f); err != nil {
				t.Fatalf("%v", err)
			}
			if f.ID == "" || f.Confidence < 0 || f.Confidence > 1 || f.Rule == "" || f.Summary == "" || f.Subject == "" {
				t.Fatalf("%+v", f)
			}
		}
		for _, e := range events {
			folds.Fold(e)
		}
	})
}
