package slack

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/schema"
)

// post brings a press by HTTP.
func (d *desk) post(t *testing.T, p slacktest.Press, secret string, at time.Time) *httptest.ResponseRecorder {
	t.Helper()
	req, err := d.SignedRequest(t.Context(), "http://hijackd.example"+InteractivityPath, p, secret, at)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	d.clicks.ServeHTTP(rec, req)
	return rec
}

func TestInteractivity(t *testing.T) {
	d := newDesk(t)
	good := d.press("UJANE", pressAcknowledge)
	request := func(change func(*http.Request)) *http.Request {
		req, err := d.SignedRequest(t.Context(), "http://hijackd.example"+InteractivityPath, good, slacktest.SigningSecret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		change(req)
		return req
	}
	foreign := url.Values{"payload": {string(d.Payload(d.press("UJOE", pressHold)))}}.Encode()
	signed := func(body, kind string) *http.Request {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, InteractivityPath, strings.NewReader(body))
		req.Header.Set("Content-Type", kind)
		slacktest.Sign(req.Header, slacktest.SigningSecret, time.Now(), body)
		return req
	}
	const form = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		req     *http.Request
		want    int
		ordered int
	}{
		"as slack sends it":              {request(func(*http.Request) {}), 200, 1},
		"a foreign payload in the query": {request(func(r *http.Request) { r.URL.RawQuery = foreign }), 200, 1},
		"the query alone":                {signed("", form), 400, 0},
		"GET":                            {request(func(r *http.Request) { r.Method = http.MethodGet }), 405, 0},
		"no signature":                   {request(func(r *http.Request) { r.Header.Del("X-Slack-Signature") }), 401, 0},
		"no time":                        {request(func(r *http.Request) { r.Header.Del("X-Slack-Request-Timestamp") }), 401, 0},
		"another secret": {request(func(r *http.Request) {
			b := body(t, r)
			slacktest.Sign(r.Header, "0123456789abcdef0123", time.Now(), b)
		}), 401, 0},
		"another body": {request(func(r *http.Request) { r.Body = http.NoBody }), 401, 0},
		"six minutes old": {request(func(r *http.Request) {
			b := body(t, r)
			slacktest.Sign(r.Header, slacktest.SigningSecret, time.Now().Add(-6*time.Minute), b)
		}), 401, 0},
		"six minutes ahead": {request(func(r *http.Request) {
			b := body(t, r)
			slacktest.Sign(r.Header, slacktest.SigningSecret, time.Now().Add(6*time.Minute), b)
		}), 401, 0},
		"JSON":                {signed(`{"payload":{}}`, "application/json"), 400, 0},
		"no JSON in it":       {signed("payload=x", form), 400, 0},
		"two payloads":        {signed(foreign+"&"+foreign, form), 400, 0},
		"two megabytes":       {signed("payload="+strings.Repeat("x", 2<<20), form), 413, 0},
		"another interaction": {signed(url.Values{"payload": {`{"type":"shortcut","user":{"id":"UJANE"}}`}}.Encode(), form), 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d.mu.Lock()
			d.ordered = nil
			d.mu.Unlock()
			if name == "the query alone" {
				c.req.URL.RawQuery = foreign
			}
			rec := httptest.NewRecorder()
			d.clicks.ServeHTTP(rec, c.req)
			got := d.orders()
			if rec.Code != c.want || len(got) != c.ordered {
				t.Errorf("answer %d, orders %+v; want %d, %d", rec.Code, got, c.want, c.ordered)
			}
			if len(got) > 0 && (got[0].By != "UJANE (jane)" || got[0].Verb != schema.Acknowledge) {
				t.Errorf("the query was obeyed: %+v", got[0])
			}
		})
	}
	off := newDesk(t, func(c *Config) { c.SigningSecret = "" })
	if rec := off.post(t, off.press("UJANE", pressAcknowledge), slacktest.SigningSecret, time.Now()); rec.Code != 404 || len(off.orders()) != 0 {
		t.Errorf("without a signing secret: answer %d", rec.Code)
	}
}

// body reads a request's body and puts it back.
func body(t *testing.T, r *http.Request) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	r.Body = http.NoBody
	s := b.String()
	r2 := httptest.NewRequestWithContext(t.Context(), r.Method, "/", strings.NewReader(s))
	r.Body = r2.Body
	return s
}

// FuzzInteractivity: whatever is signed, it is answered, and only a member's press of a sealed button orders anything.
func FuzzInteractivity(f *testing.F) {
	f.Add(`{"type":"block_actions","user":{"id":"UJANE"},"actions":[{"block_id":"hijackd_orders","action_id":"hijackd_acknowledge","value":"x"}],"message":{"ts":"1","blocks":[{"type":"header"}]}}`)
	f.Add(`{"type":"block_actions","user":{"id":"UJANE"},"actions":[null,{"block_id":"hijackd_orders"}],"container":{},"state":{"values":null}}`)
	f.Add(`{"type":"dialog_submission","state":1}`)
	d := newDesk(f)
	f.Fuzz(func(t *testing.T, payload string) {
		form := url.Values{"payload": {payload}}.Encode()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, InteractivityPath, strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		slacktest.Sign(req.Header, slacktest.SigningSecret, time.Now(), form)
		rec := httptest.NewRecorder()
		d.clicks.ServeHTTP(rec, req)
		if rec.Code != http.StatusOK && rec.Code != http.StatusBadRequest || len(d.orders()) != 0 {
			t.Errorf("answer %d, orders %+v", rec.Code, d.orders())
		}
	})
}
