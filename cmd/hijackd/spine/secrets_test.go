package spine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions/slack/slacktest"
)

// secrets are what stands in the configuration and must be found nowhere else, whatever fails.
var secrets = map[string]string{
	"password in actions.revoke.url": "CANARYwebhookpassword",
	"user in actions.revoke.url":     "CANARYwebhookuser",
	"path of actions.revoke.url":     "CANARYwebhookpath",
	"query of actions.revoke.url":    "CANARYwebhookquery",
	"secret of the webhook":          "CANARYwebhooksecretCANARYwebhook", // base64 of 24 bytes
	"Slack token":                    "slacktest-token",
	"pepper":                         "CANARYpepper",
	"password in clickhouse.dsn":     "CANARYdsnpassword",
	"token of Okta":                  "CANARYoktatoken",
	"bearer token of CAEP":           "CANARYcaeptoken",
	"routing key of PagerDuty":       "CANARYCANARYCANARYCANARYCANARY00",
	"bearer token of the API":        "CANARYapitokenCANARYapitoken",
	"Slack signing secret":           "CANARYsigningsecretCANARY0000000",
}

// session is the identity provider's handle of a session, which an event names so that it can be revoked. It is no credential by contract,
// and belongs where events, findings and actions are kept and told (contract sections 1, 2, 3 and 6): in no log, error, metric, profile,
// dead letter or audit trail.
const session = "CANARYsession"

// sessionMay are the places where the handle may be.
var sessionMay = []string{
	"webhook", "slack", "topic sightings", "topic signals", "topic response", "topic findings", "topic revocations", "topic events",
	"table event", "table session_event", "table finding", "table action", "table token", "table sighting",
}

// TestSecretsAreNowhere runs with a receiver, a Slack and a ClickHouse that fail in turn, then with ones that don't, and looks for every
// secret of the configuration, and for session handles, wherever hijackd writes.
func TestSecretsAreNowhere(t *testing.T) {
	channel := slacktest.New()
	defer channel.Close()
	s := newSite(t, 1, "")
	real := address(s.dsn)
	hook, store := newProxy(t, freeAddress(t)), newProxy(t, real) // the first to nobody
	admin, config := freeAddress(t), s.config("")
	s.write("pepper", secrets["pepper"]+"-0123456789abcdef0123456789abcdef")
	s.write("secret", "whsec_"+secrets["secret of the webhook"]+" "+webhookSecret)
	others := newOthers(t)
	key, private := signingKey(t)
	s.rewrite(config,
		`admin: {listen: ""}`, `admin: {listen: "`+admin+`"}`,
		"clickhouse://"+real, "clickhouse://default:"+secrets["password in clickhouse.dsn"]+"@"+store.addr(),
		s.receiver.URL, "http://"+secrets["user in actions.revoke.url"]+":"+secrets["password in actions.revoke.url"]+"@"+hook.addr()+"/"+
			secrets["path of actions.revoke.url"]+"?key="+secrets["query of actions.revoke.url"],
		"allow_private: true}", "allow_private: true}\n  slack: {token_file: \""+s.write("slack", slacktest.Token)+"\", channel: "+slacktest.Channel+
			", api_url: \""+channel.URL()+"\", signing_secret_file: \""+s.write("signing", secrets["Slack signing secret"])+"\"}"+
			"\n  okta: {url: \""+others.URL+"\", token_file: \""+s.write("okta", secrets["token of Okta"])+"\", allow_private: true}"+
			"\n  caep: {url: \""+others.URL+"/caep\", issuer: \"https://hijackd.example\", audience: idp, user_issuer: \"https://idp.example\", key_file: \""+s.write("key.pem", key)+
			"\", token_file: \""+s.write("caep", secrets["bearer token of CAEP"])+"\", allow_private: true}"+
			"\n  pagerduty: {url: \""+others.URL+"\", routing_key_file: \""+s.write("pagerduty", secrets["routing key of PagerDuty"])+"\", allow_private: true}"+
			"\n  alertmanager: {url: \""+others.URL+"\", allow_private: true}"+
			"\napi: {listen: \""+freeAddress(t)+"\", token_file: \""+s.write("api", secrets["bearer token of the API"])+"\"}",
		"level: info", "level: debug",
	)
	for _, f := range []slacktest.Fault{{Status: 500}, {Error: "invalid_auth"}, {Status: 429, RetryAfter: 1}} {
		channel.Fail(f, f)
	}
	m := s.start(config)
	now := time.Now()
	with := func(v, name string) string {
		return strings.Replace(v, `"session":"sid-0001"`, `"session":"`+name+`"`, 1)
	}
	theft := []string{
		with(event("s-1", token(1), "session.started", now.Add(-5*time.Minute), paris), session),
		with(event("s-2", token(1), "session.used", now, tokyo), session),
		`{"id":"s-3","token":"` + token(1) + `","time":"` + session + `","session":"` + session + `"}`, // a dead letter
		`{"id":"s-4","token":"` + token(1) + `","session":["` + session + `"]}`,
	}
	s.produce(theft[0])
	s.await("the session is known", func() bool { return s.drained(s.topic) })
	store.sever()
	s.produce(theft[1:]...)
	// A receiver that is not there, then one that answers with everything it was sent, then the true one.
	s.await("calls that nobody took", func() bool { return strings.Count(m.out.String(), "attempt failed") >= 2 })
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Echo", req.URL.String()+req.Header.Get("Authorization")+req.Header.Get("webhook-signature"))
		http.Error(w, session+req.URL.String()+req.Header.Get("Authorization"), http.StatusServiceUnavailable)
	}))
	defer echo.Close()
	hook.forward(strings.TrimPrefix(echo.URL, "http://"))
	s.await("calls that were refused", func() bool { return strings.Contains(m.out.String(), "detail=503") })
	metrics, refused := get(t, "http://"+admin+"/metrics"), s.command("revoke", "test", "-c", config)
	hook.sever()
	hook.forward(strings.TrimPrefix(s.receiver.URL, "http://"))
	s.await("the revocation", func() bool { return len(s.receiver.ids()) == 1 })
	store.forward(real)
	s.settled(3) // at the webhook, Okta and the CAEP receiver
	s.await("the message", func() bool { return len(channel.Messages()) > 0 })
	s.await("what the other destinations are told", others.told)
	s.command("allow", "add", "-c", config, "--user", "u-nobody", "--for", "1h", "--why", "a drill", "--by", "ana")
	s.await("the audit trail", func() bool { return strings.Contains(s.dump()["audit"], "a drill") })
	s.rewrite(config, "mode: enforce", "mode: ensnare")
	m.signal(syscall.SIGHUP)
	s.await("a reload that is refused", func() bool { return strings.Contains(m.out.String(), "the old one stays") })
	written := map[string]string{
		"hijackd check of a mistake": s.command("check", "-c", config), "hijackd revoke test, refused": refused,
		"log": m.out.String(), "metrics": metrics + get(t, "http://"+admin+"/metrics"), "profiles": get(t, "http://"+admin+"/debug/pprof/goroutine?debug=2") +
			get(t, "http://"+admin+"/debug/vars"),
	}
	for _, topic := range []string{".dead", ".sightings", ".signals", ".response", "-findings", "-revocations"} {
		written["topic "+topic[1:]] = strings.Join(s.read(s.topic+topic), "\n")
	}
	for _, r := range s.read(s.topic) {
		if !slices.ContainsFunc(theft, func(v string) bool { return strings.HasSuffix(r, v) }) {
			written["topic events"] += r
		}
	}
	for _, call := range s.receiver.calls {
		written["webhook"] += string(call.body) + call.id
	}
	for _, msg := range channel.Messages() {
		written["slack"] += string(msg.Raw) + msg.Fallback
	}
	for table, text := range s.dump() {
		written["table "+table] = text
	}
	m.stop(t)
	written["log at the end"] = m.out.String()
	s.rewrite(config, "mode: ensnare", "mode: enforce")
	written["hijackd check"] = s.command("check", "-c", config)
	written["hijackd migrate status"] = s.command("migrate", "status", "-c", config)
	for where, text := range written {
		if text == "" {
			t.Errorf("nothing was written to %s: the test looks in the wrong place", where)
		}
		if strings.Contains(text, private) {
			t.Errorf("the signing key of CAEP is in %s", where)
		}
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("the %s is in %s: %.300q", what, where, around(text, secret))
			}
		}
		if strings.Contains(text, session) && !slices.ContainsFunc(sessionMay, func(p string) bool { return strings.HasPrefix(where, p) }) {
			t.Errorf("a session handle is in %s: %.300q", where, around(text, session))
		}
	}
	if !strings.Contains(written["webhook"], session) {
		t.Error("the webhook does not say which session it is")
	}
}

// others are Okta, a CAEP receiver, PagerDuty and Alertmanager in one server. Each first fails and says back all that it was sent.
type others struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string]int
}

func newOthers(t *testing.T) *others {
	o := &others{calls: map[string]int{}}
	answers := map[string]int{"api": http.StatusNoContent, "caep": http.StatusAccepted, "v2": http.StatusAccepted}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		which, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
		status := answers[which]
		if strings.HasPrefix(req.URL.Path, "/api/v2/alerts") {
			which, status = "alertmanager", http.StatusOK
		}
		o.mu.Lock()
		o.calls[which]++
		first := o.calls[which] == 1
		o.mu.Unlock()
		if first {
			http.Error(w, fmt.Sprint(req.Header, string(body), session), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(o.Close)
	return o
}

// told reports whether each was called again after its failure.
func (o *others) told() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls["api"] > 1 && o.calls["caep"] > 1 && o.calls["v2"] > 1 && o.calls["alertmanager"] > 1
}

// signingKey is a private key as PEM, and a piece of it that must be nowhere else.
func signingKey(t *testing.T) (text, piece string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return text, strings.Split(text, "\n")[1]
}

// around is a text near where something begins.
func around(text, what string) string {
	i := strings.Index(text, what)
	return text[max(0, i-150):min(len(text), i+150)]
}

// command is what a command of hijackd's prints, whether or not it fails.
func (s *site) command(args ...string) string {
	s.t.Helper()
	out, err := exec.Command(binary, args...).CombinedOutput()
	if len(out) == 0 {
		s.t.Errorf("hijackd %v printed nothing: %v", args, err)
	}
	return string(out)
}
