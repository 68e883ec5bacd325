package decode

import "github.com/hijackd/hijackd/schema"

// AppendSighting appends the sighting's JSON form, the value of its record, to dst; what is absent is left out. Decoding it gives the sighting
// again, save its position and record time.
func AppendSighting(dst []byte, g *schema.Sighting) []byte {
	w := writer{dst: append(dst, '{'), empty: true}
	w.text(fID, g.ID)
	w.text(sKind, string(g.Kind))
	w.text(fTenant, g.Tenant)
	w.text(sScope, string(g.Scope))
	w.text(sSubject, g.Subject)
	w.name(fTime)
	w.dst = appendTime(w.dst, g.Time)
	w.text(sEventID, g.EventID)
	w.text(fToken, g.Token)
	w.text(fUser, g.User)
	w.text(fSession, g.Session)
	w.text(fApp, g.App)
	w.integer(sLane, int64(g.Lane), 0)
	w.integer(sEpoch, int64(g.Epoch), 0)
	w.flag(sStarted, g.Started)
	w.flag(sRotated, g.Rotated)
	w.flag(sRejected, g.Rejected)
	w.flag(sApart, g.Apart)
	w.flag(sNewDevice, g.NewDevice)
	w.address(fIP, g.IP)
	if g.Geo != (schema.Geo{}) {
		w.name(fGeo)
		w.geo(&g.Geo)
	}
	if g.Agent != (schema.Agent{}) {
		w.name(sAgent)
		w.agent(&g.Agent)
	}
	w.text(fDevice, g.Device)
	w.text(fJA4, g.JA4)
	w.text(sCounts, g.Counts)
	return append(w.dst, '}')
}

func (w *writer) agent(a *schema.Agent) {
	w.dst, w.empty = append(w.dst, '{'), true
	w.text(aFamily, a.Family)
	w.text(aOS, a.OS)
	w.integer(aMajor, int64(a.Major), 0)
	w.enum(aClass, uint8(a.Class))
	w.dst, w.empty = append(w.dst, '}'), false
}
