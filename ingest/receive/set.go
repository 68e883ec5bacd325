package receive

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	jsonstrict "github.com/go-jose/go-jose/v4/json"

	"github.com/hijackd/hijackd/schema"
)

// Types of events (CAEP 1.0, section 3.1; SSF 1.0, section 8.1.4).
const (
	sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	setType        = "secevent+jwt"
)

// millisecondsFrom is the timestamp from which on it must be in milliseconds, as drafts of CAEP had it and Okta documents it: as
// seconds it would be the year 5138.
const millisecondsFrom = 1e11

// Events is the receiver of pushed Security Event Tokens (RFC 8935). It answers 202 once what the token says is published, or where there
// is nothing to do about it (verification events, other types); 400 with an RFC 8935 error where it is refused; 503 where it can't be
// judged or published now.
func Events(cfg Config, d Deps) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, status, err := readSET(w, r, cfg.Bearer)
		if err == nil {
			err = take(r.Context(), &cfg, &d, token)
		}
		answerSET(w, d.Log, status, err)
	})
}

func readSET(w http.ResponseWriter, r *http.Request, bearer string) (token string, status int, err error) {
	if !authorised(r, bearer) {
		return "", http.StatusBadRequest, refuse(authenticationFailed, "the bearer token is missing or wrong")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/"+setType {
		return "", http.StatusUnsupportedMediaType, refuse(invalidRequest, "want content type application/secevent+jwt")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxToken))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return "", http.StatusRequestEntityTooLarge, refuse(invalidRequest, "the token is too large")
	}
	if err != nil {
		return "", http.StatusBadRequest, refuse(invalidRequest, "the body can't be read")
	}
	return string(body), http.StatusBadRequest, nil
}

// take verifies a token and publishes what it says.
func take(ctx context.Context, cfg *Config, d *Deps, token string) error {
	payload, typ, err := open(ctx, d.Keys, token)
	if err != nil {
		return err
	}
	if typ != setType {
		return refuse(invalidRequest, "typ is not secevent+jwt") // or an ID token could pass for an event (RFC 8725, section 3.11)
	}
	e, err := readEvent(cfg, payload, d.Now())
	if err != nil || e == nil {
		return err
	}
	return d.publish(ctx, e)
}

// readEvent makes an event of a verified payload, nil where it says nothing that hijackd follows.
func readEvent(cfg *Config, payload []byte, now time.Time) (*schema.Event, error) {
	c, err := parseClaims(payload)
	if err != nil {
		return nil, err
	}
	if err := c.check(cfg, now); err != nil {
		return nil, err
	}
	if c.Subject != nil {
		return nil, refuse(invalidRequest, "sub must not be there: the subject is in sub_id") // SSF 1.0, section 4.1.2
	}
	if len(c.Events) != 1 {
		return nil, refuse(invalidRequest, "events must hold exactly one")
	}
	raw, ok := c.Events[sessionRevoked]
	if !ok {
		return nil, nil
	}
	var event struct {
		Timestamp date                  `json:"event_timestamp"`
		Subject   jsonstrict.RawMessage `json:"subject"` // where drafts of SSF had the subject, and Okta has it
	}
	if jsonstrict.Unmarshal(raw, &event) != nil {
		return nil, refuse(invalidRequest, "the event is not as CAEP defines it")
	}
	if len(c.SubjectID) == 0 {
		c.SubjectID = event.Subject
	}
	if len(c.SubjectID) == 0 {
		return nil, refuse(invalidRequest, "sub_id is missing")
	}
	s, narrower, err := parseSubject(c.SubjectID)
	if err != nil || narrower {
		return nil, err
	}
	at := event.Timestamp
	if at >= millisecondsFrom {
		at /= 1000
	}
	if !at.valid() || at > *c.IssuedAt { // what has not happened yet can't have been told
		at = *c.IssuedAt
	}
	return revoked("set_", c, cfg.Tenant, s, at.time()), nil
}

func answerSET(w http.ResponseWriter, log *slog.Logger, status int, err error) {
	r, refused := errors.AsType[*refusal](err)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
		return
	case refused:
		log.Info("incoming security event refused", slog.String("code", r.code), slog.String("reason", r.text))
	default:
		log.Warn("incoming security event not taken", slog.Any("error", err))
		r, status = &refusal{"unavailable", "try again later"}, http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Language", "en") // RFC 8935, section 2.3
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"err": r.code, "description": r.text}) // a sender that went away has no use for it
}
