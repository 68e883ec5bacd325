package actions

import "strconv"

// What tests outside of the package need to see of it: the log, for they judge it by themselves.
type (
	Record = record
	Office = office
)

// Names for those tests.
var (
	ReadRecord = readRecord
	Enforcing  = enforcing
	Conclusive = conclusive
)

// Break switches parts of a lane's protocol off before it is opened.
func (r *Response) Break(names ...string) {
	for _, n := range names {
		switch n {
		case "record before send":
			r.faults.recordBeforeSend = true
		case "record before session.revoked":
			r.faults.recordBeforeRevoked = true
		case "no resume":
			r.faults.forgetActions = true
		case "send before record":
			r.faults.dispatchBeforeDurable = true
		case "fresh id per try":
			r.faults.freshIDs = func() string { return "act_" + strconv.FormatUint(r.deps.Nonce(), 36) }
		case "fresh id per decision":
			r.faults.randomIDs = func() string { return "act_" + strconv.FormatUint(r.deps.Nonce(), 36) }
		case "no order per token":
			r.faults.unordered = true
		case "no void records":
			r.faults.noVoid = true
		}
	}
}

// Follows reports whether an office's record stands in a log whose highest office so far is top, and the highest then.
func Follows(top, o office) (office, bool) {
	if top.Less(o.Term) {
		return o, true
	}
	return top, o == top
}
