package caep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/outbound"
	"github.com/hijackd/hijackd/schema"
)

// Transmitter pushes tokens to one receiver. It is safe for concurrent use.
type Transmitter struct {
	cfg    Config
	signer jose.Signer
	set    []byte // the JWK set
	now    func() time.Time
	client *http.Client
}

// New returns a Transmitter that has connected to nothing yet.
func New(cfg Config, now func() time.Time) (*Transmitter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.URL == "" {
		return nil, errors.New("actions.caep: url is needed")
	}
	keys, err := parseKeys(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("actions.caep.key_file: %w", err)
	}
	set, err := keySet(keys)
	if err != nil {
		return nil, fmt.Errorf("actions.caep.key_file: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(keys[0].Algorithm), Key: keys[0]},
		(&jose.SignerOptions{}).WithType("secevent+jwt"))
	if err != nil {
		return nil, errors.New("actions.caep.key_file: the key does not sign")
	}
	client, err := outbound.Client(cfg.outbound())
	if err != nil {
		return nil, fmt.Errorf("actions.caep: %w", err)
	}
	return &Transmitter{cfg: cfg, signer: signer, set: set, now: now, client: client}, nil
}

// Format keeps the keys out of whatever a Transmitter is printed into.
func (t *Transmitter) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "caep") }

// Takes reports whether session-revoked can say what an action does: opaque subjects name sessions only.
func (t *Transmitter) Takes(d schema.Decision) bool {
	return d == schema.RevokeSession || d == schema.RevokeUser && t.cfg.Subject != "opaque"
}

// Revoke makes one attempt at telling the receiver. After anything but Done the same action may be sent again: its id is the token's.
func (t *Transmitter) Revoke(ctx context.Context, a *schema.Action) actions.Result {
	if !t.Takes(a.Action) {
		return refused("session-revoked can't say this action")
	}
	now := t.now()
	b, err := payload(&t.cfg, a, now)
	if err != nil {
		return refused(err.Error())
	}
	return t.push(ctx, b, now)
}

// Test pushes a verification event, which revokes nothing. A receiver that accepts it knows issuer, audience and key.
func (t *Transmitter) Test(ctx context.Context) actions.Result {
	now := t.now()
	b, err := verification(&t.cfg, "test_"+strconv.FormatInt(now.UnixNano(), 36), now)
	if err != nil {
		return refused(err.Error())
	}
	return t.push(ctx, b, now)
}

func (t *Transmitter) push(ctx context.Context, payload []byte, now time.Time) actions.Result {
	signed, err := t.signer.Sign(payload)
	if err != nil {
		return refused("the token can't be signed")
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return refused("the token can't be signed")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.cfg.URL, strings.NewReader(token))
	if err != nil {
		return refused("no request can be made of actions.caep.url")
	}
	req.Header.Set("Content-Type", "application/secevent+jwt")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("User-Agent", "hijackd")
	if t.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+t.cfg.Token)
	}
	reply, err := outbound.Do(t.client, req)
	if err != nil {
		return outbound.Failure(err)
	}
	return judge(reply, now)
}

func refused(why string) actions.Result {
	return actions.Result{Class: actions.Refused, Detail: why}
}

// codes are the errors of RFC 8935, section 2.4, and what follows from each. A receiver may not have read our keys again yet after we
// changed them; everything else stays wrong until somebody changes a configuration.
var codes = map[string]actions.Class{
	"invalid_request":       actions.Refused,
	"invalid_key":           actions.Again,
	"invalid_issuer":        actions.Refused,
	"invalid_audience":      actions.Refused,
	"authentication_failed": actions.Refused,
	"access_denied":         actions.Refused,
}

// judge reads an answer (RFC 8935, sections 2.2 and 2.3). Of what the receiver says only a code of the table goes any further.
func judge(reply outbound.Reply, now time.Time) actions.Result {
	res := outbound.Answer(reply.Status, reply.Header.Get("Retry-After"), now)
	if reply.Status != http.StatusBadRequest {
		return res
	}
	var said struct {
		Err string `json:"err"`
	}
	if json.Unmarshal(reply.Body, &said) == nil && codes[said.Err] != 0 {
		res.Class = codes[said.Err]
		res.Detail += " " + said.Err
	}
	return res
}

// Close gives idle connections up.
func (t *Transmitter) Close() { t.client.CloseIdleConnections() }
