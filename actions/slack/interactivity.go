package slack

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/slack-go/slack"
)

// InteractivityPath is where the handler is mounted; the app's "Request URL" ends so.
const InteractivityPath = "/v1/slack/interactivity"

// maxClick bounds the body of a click, which brings the whole card along.
const maxClick = 1 << 20

// ServeHTTP takes clicks as HTTP requests signed by Slack (docs.slack.dev, authentication/verifying-requests-from-slack): the HMAC of body
// and time with the signing secret, at most five minutes old. Only the signed body counts, whatever the URL's query says. The answer
// is 200 once the command is published, and 503 where it could not be.
func (c *Clicks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.slack.cfg.SigningSecret == "" {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxClick))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if !c.signed(r.Header, body) {
		c.log.Warn("an interactivity request is not signed by slack")
		http.Error(w, "not signed", http.StatusUnauthorized)
		return
	}
	cb := new(slack.InteractionCallback)
	if !readClick(r.Header, body, cb) {
		http.Error(w, "not an interaction", http.StatusBadRequest)
		return
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	default:
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	a := c.take(r.Context(), cb)
	if !a.ack {
		w.WriteHeader(http.StatusServiceUnavailable)
	} else {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w).Flush() // Slack waits for this, not for what follows
	c.tell(r.Context(), cb, a.tell)
}

func (c *Clicks) signed(h http.Header, body []byte) bool {
	v, err := slack.NewSecretsVerifier(h, c.slack.cfg.SigningSecret)
	if err != nil {
		return false
	}
	_, err = v.Write(body)
	return err == nil && v.Ensure() == nil
}

// readClick reads the form of which the body consists: one payload.
func readClick(h http.Header, body []byte, cb *slack.InteractionCallback) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["payload"]) != 1 {
		return false
	}
	return json.Unmarshal([]byte(form.Get("payload")), cb) == nil
}
