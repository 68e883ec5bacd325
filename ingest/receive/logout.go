package receive

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"time"

	jsonstrict "github.com/go-jose/go-jose/v4/json"

	"github.com/hijackd/hijackd/schema"
)

const (
	backChannelLogout = "http://schemas.openid.net/event/backchannel-logout"
	logoutType        = "logout+jwt"
	// maxLogoutAge is how old a logout token without exp may be; the specification asks senders for two minutes (section 4).
	maxLogoutAge = time.Hour
)

// Logout is the receiver of OIDC back-channel logout 1.0. It answers 200 once the logout is published, 400 where the token is refused,
// 503 where it can't be judged or published now; never to be cached (section 2.8).
func Logout(cfg Config, d Deps) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := readLogout(w, r)
		if err == nil {
			err = logOut(r.Context(), &cfg, &d, token)
		}
		answerLogout(w, d.Log, err)
	})
}

func readLogout(w http.ResponseWriter, r *http.Request) (string, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return "", refuse(invalidRequest, "want a form")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxToken)
	if r.ParseForm() != nil {
		return "", refuse(invalidRequest, "the form can't be read, or is too large")
	}
	tokens := r.PostForm["logout_token"]
	if len(tokens) != 1 {
		return "", refuse(invalidRequest, "want one logout_token")
	}
	return tokens[0], nil
}

func logOut(ctx context.Context, cfg *Config, d *Deps, token string) error {
	payload, typ, err := open(ctx, d.Keys, token)
	if err != nil {
		return err
	}
	switch typ {
	case "", "jwt", logoutType: // recommended and no more: an ID token differs by its nonce and has no events (section 2.4)
	default:
		return refuse(invalidRequest, "typ is not logout+jwt")
	}
	e, err := readLogoutToken(cfg, payload, d.Now())
	if err != nil {
		return err
	}
	return d.publish(ctx, e)
}

// readLogoutToken makes an event of a verified payload (section 2.6).
func readLogoutToken(cfg *Config, payload []byte, now time.Time) (*schema.Event, error) {
	c, err := parseClaims(payload)
	if err != nil {
		return nil, err
	}
	if err := c.check(cfg, now); err != nil {
		return nil, err
	}
	raw, ok := c.Events[backChannelLogout]
	var event map[string]jsonstrict.RawMessage
	s := subject{session: c.Session}
	if c.Subject != nil {
		s.user = *c.Subject
	}
	switch {
	case !ok || jsonstrict.Unmarshal(raw, &event) != nil || event == nil:
		return nil, refuse(invalidRequest, "events does not hold a back-channel logout")
	case len(c.Nonce) > 0:
		return nil, refuse(invalidRequest, "nonce must not be there")
	case s == (subject{}):
		return nil, refuse(invalidRequest, "neither sid nor sub")
	case len(s.session) > maxName || len(s.user) > maxName:
		return nil, refuse(invalidRequest, "sid or sub is longer than 256 bytes")
	case c.Expires == nil && c.IssuedAt.time().Before(now.Add(-maxLogoutAge)):
		return nil, refuse(invalidRequest, "iat is more than an hour ago, and exp is missing")
	}
	return revoked("blo_", c, cfg.Tenant, s, c.IssuedAt.time()), nil
}

func answerLogout(w http.ResponseWriter, log *slog.Logger, err error) {
	w.Header().Set("Cache-Control", "no-store")
	r, refused := errors.AsType[*refusal](err)
	status := http.StatusBadRequest
	switch {
	case err == nil:
		w.WriteHeader(http.StatusOK)
		return
	case refused:
		log.Info("back-channel logout refused", slog.String("code", r.code), slog.String("reason", r.text))
	default:
		log.Warn("back-channel logout not taken", slog.Any("error", err))
		r, status = &refusal{"temporarily_unavailable", "try again later"}, http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	code := r.code
	if refused {
		code = invalidRequest // the only error of OAuth's that fits (section 2.8)
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": r.text}) // likewise of no use to who went away
}
