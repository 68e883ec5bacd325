package spine

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// steal produces a session and its theft, each by a thief of its own: several from one address would be another finding.
func (s *site) steal(tok string, now time.Time) {
	s.t.Helper()
	thief := tokyo
	thief.ip = "198.51.100.1" + tok[len(tok)-1:]
	s.produce(
		event("start-"+tok, tok, "session.started", now.Add(-5*time.Minute), paris),
		event("theft-"+tok, tok, "session.used", now, thief),
	)
}

func (s *site) rewrite(path string, pairs ...string) {
	s.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(filepath.Base(path), strings.NewReplacer(pairs...).Replace(string(b)))
}

func TestAChangedPolicyIsReloadedAndABadOneRefused(t *testing.T) {
	s := newSite(t, 1, "")
	config := s.config("")
	s.rewrite(config, "mode: enforce", "mode: shadow")
	m := s.start(config)

	s.steal(token(1), time.Now())
	s.await("what shadow would have done", func() bool {
		return s.count("SELECT count() FROM {db}.findings WHERE rule = 'impossible-travel' AND decision = 'observe' AND would = 'revoke_session'") == 1
	})

	s.rewrite(config, "mode: shadow", "mode: ensnare")
	_ = m.cmd.Process.Signal(syscall.SIGHUP)
	s.await("the refusal", func() bool { return strings.Contains(m.out.String(), "the old one stays") })
	s.steal(token(2), time.Now())
	s.await("shadow still", func() bool {
		return s.count("SELECT count() FROM {db}.findings WHERE rule = 'impossible-travel' AND decision = 'observe'") == 2
	})

	s.rewrite(config, "mode: ensnare", "mode: enforce")
	_ = m.cmd.Process.Signal(syscall.SIGHUP)
	s.await("the reload", func() bool { return strings.Contains(m.out.String(), "rules and policy reloaded") })
	s.steal(token(3), time.Now())
	s.await("the revocation", func() bool { return len(s.receiver.ids()[token(3)]) == 1 })
	s.settled(1)
	m.stop(t)
	if ids := s.receiver.ids(); len(ids) != 1 {
		t.Errorf("revoked %v, want token 3 alone", ids)
	}
}

func TestReadinessIsMembershipAndNotClickHouse(t *testing.T) {
	s := newSite(t, 1, "clickhouse://"+freeAddress(t)+"/default") // nothing listens there
	config, admin := s.config(""), freeAddress(t)
	s.rewrite(config, `admin: {listen: ""}`, `admin: {listen: "`+admin+`"}`)
	m := s.start(config)
	s.await("readiness", func() bool {
		resp, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if live := get(t, "http://"+admin+"/livez"); live != "ok\n" {
		t.Errorf("livez says %q", live)
	}
	if metrics := get(t, "http://"+admin+"/metrics"); !strings.Contains(metrics, "hijackd_build_info") {
		t.Error("no metrics")
	}
	m.stop(t)
}

func TestSomeSetUpsCannotStart(t *testing.T) {
	s := newSite(t, 1, "")
	for what, change := range map[string]struct{ from, to, says string }{
		"no broker":      {"brokers: [" + s.kafka + "]", "brokers: [127.0.0.1:1]", "no broker answers"},
		"no topic":       {"topic: " + s.topic + "\n", "topic: there-is-none\n", "kafka-topics.sh"},
		"unknown key":    {"policy:", "polizy:", "policy?"},
		"short pepper":   {filepath.Join(s.dir, "pepper"), s.write("short", "short"), "pepper"},
		"no mmdb":        {"admin:", "geoip: {city: /does/not/exist.mmdb}\nadmin:", "geoip.city"},
		"not a database": {"admin:", "geoip: {city: " + s.write("text.mmdb", "text") + "}\nadmin:", "text.mmdb"},
	} {
		t.Run(what, func(t *testing.T) {
			config := s.config("")
			s.rewrite(config, change.from, change.to)
			m := s.launch(config)
			err := <-m.done
			m.done <- err
			if err == nil || !strings.Contains(m.out.String(), change.says) {
				t.Errorf("ended with %v, saying %q, want something about %q", err, m.out, change.says)
			}
		})
	}
}
