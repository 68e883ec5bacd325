package receive

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Config says whose tokens are believed, and for whom.
type Config struct {
	Issuer   string // iss of the tokens, exactly
	Audience string // what aud must hold
	Tenant   string // tenant of the events
	// Bearer is a token that senders must present besides, empty for none. Back-channel logout has none.
	Bearer string
}

// Validate returns every mistake, each naming its key below the section.
func (c *Config) Validate(section string) error {
	var errs []error
	if c.Issuer == "" || strings.ContainsRune(c.Issuer, 0) {
		errs = append(errs, errors.New(section+".issuer: missing; it is the iss of the tokens to believe"))
	}
	if c.Audience == "" {
		errs = append(errs, errors.New(section+".audience: missing; it is what the tokens' aud must hold"))
	}
	return errors.Join(errs...)
}

// Deps is what a receiver needs of the outside. All of it is required.
type Deps struct {
	Keys *Keys
	// Publish makes an event durable. It may be called again with the same one. The sender is answered after it has returned.
	Publish func(ctx context.Context, e *schema.Event) error
	Now     func() time.Time
	Log     *slog.Logger
}

// publishTime bounds the wait for Kafka, below what senders wait for an answer.
const publishTime = 8 * time.Second

func (d *Deps) publish(ctx context.Context, e *schema.Event) error {
	ctx, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	return d.Publish(ctx, e)
}

// authorised reports whether a request carries the bearer token, in time that tells nothing of it.
func authorised(r *http.Request, want string) bool {
	if want == "" {
		return true
	}
	scheme, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(got))), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}
