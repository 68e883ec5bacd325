package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// order is what a button means: a command without the person who gives it.
type order struct {
	Verb             schema.Verb
	Tenant, Incident string
	Actions          []string
	Targets          []schema.Target
	Round            int // makes the second order of a kind another one
}

// A value has at most 2000 characters. 16 bytes of it are the seal, and base64 makes four of three.
const (
	maxButton  = 2000
	maxActions = 16
	maxSealed  = 1000 // bytes for targets: what else there is takes at most 460
)

// t4 is what a target takes, in bytes, at most.
func t4(t schema.Target) int {
	return len(t.Token) + len(t.User) + len(t.Session) + 5*binary.MaxVarintLen32
}

var errSeal = errors.New("the button is not one of this hijackd's: made with another bot token, or by somebody else")

// sealer signs and checks the values of buttons, with a key made of the bot token. Slack hands a value back as it was; the seal is what
// makes it ours: only who has the bot token can say what a click orders.
type sealer struct{ key []byte }

func newSealer(token string) *sealer {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("hijackd: values of Slack buttons, version 1"))
	return &sealer{m.Sum(nil)}
}

func (s *sealer) mac(press string, body []byte) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(press))
	m.Write([]byte{0})
	m.Write(body)
	return m.Sum(nil)[:16]
}

// seal encodes an order as the value of a button; of too many actions and targets the last are left out. It is empty where even the
// rest is too long.
func (s *sealer) seal(press string, o order) string {
	for {
		body := o.encode()
		if v := base64.RawURLEncoding.EncodeToString(append(s.mac(press, body), body...)); len(v) <= maxButton {
			return v
		}
		switch {
		case len(o.Targets) > 1:
			o.Targets = o.Targets[:len(o.Targets)-1]
		case len(o.Actions) > 1:
			o.Actions = o.Actions[:len(o.Actions)-1]
		default:
			return ""
		}
	}
}

// open returns the order in the value of a button.
func (s *sealer) open(press, value string) (order, error) {
	if len(value) > maxButton {
		return order{}, errSeal
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(b) < 16 || !hmac.Equal(b[:16], s.mac(press, b[16:])) {
		return order{}, errSeal
	}
	return decodeOrder(b[16:])
}

// encode writes lengths before texts: nothing that a text holds makes it longer.
func (o *order) encode() []byte {
	b := []byte{}
	text := func(ss ...string) {
		for _, s := range ss {
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		}
	}
	number := func(n int64) { b = binary.AppendVarint(b, n) }
	text(string(o.Verb), o.Tenant, o.Incident)
	number(int64(o.Round))
	number(int64(len(o.Actions)))
	text(o.Actions...)
	number(int64(len(o.Targets)))
	for _, t := range o.Targets {
		text(t.Token, t.User, t.Session)
		number(int64(t.Epoch))
		number(int64(t.Partition))
	}
	return b
}

func decodeOrder(b []byte) (o order, err error) {
	bad := false
	number := func() int64 {
		n, size := binary.Varint(b)
		if size <= 0 {
			bad, b = true, nil
			return 0
		}
		b = b[size:]
		return n
	}
	text := func() string {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) { // #nosec G115 -- size is at most len(b)
			bad, b = true, nil
			return ""
		}
		s := string(b[size : size+int(n)]) // #nosec G115 -- at most len(b)
		b = b[size+int(n):]                // #nosec G115 -- likewise
		return strings.Clone(s)
	}
	o.Verb, o.Tenant, o.Incident = schema.Verb(text()), text(), text()
	o.Round = int(number())
	for n := number(); n > 0 && !bad; n-- {
		o.Actions = append(o.Actions, text())
	}
	for n := number(); n > 0 && !bad; n-- {
		t := schema.Target{Token: text(), User: text(), Session: text()}
		t.Epoch, t.Partition = int(number()), int32(number()) // #nosec G115 -- sealed by ourselves
		o.Targets = append(o.Targets, t)
	}
	if bad || len(b) > 0 {
		return order{}, errSeal
	}
	return o, nil
}
