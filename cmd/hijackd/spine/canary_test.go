package spine

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hijackd/hijackd/actions/slack/slacktest"
)

// TestARawTokenIsNowhere sends raw tokens in every place where an app's mistake may put one, and looks for them wherever hijackd writes.
func TestARawTokenIsNowhere(t *testing.T) {
	const canary = "CANARY-7f3a9b1c5d2e"
	channel := slacktest.New()
	defer channel.Close()
	s := newSite(t, 1, "")
	admin := freeAddress(t)
	config := strings.Replace(s.config(""), "/hijackd.yaml", "/canary.yaml", 1)
	s.write("canary.yaml", strings.NewReplacer(
		`admin: {listen: ""}`, `admin: {listen: "`+admin+`"}`,
		"allow_private: true}", "allow_private: true}\n  slack: {token_file: \""+s.write("slack", slacktest.Token)+"\", channel: "+slacktest.Channel+
			", api_url: \""+channel.URL()+"\"}",
		"level: info", "level: debug",
	).Replace(s.text("hijackd.yaml")))
	m := s.start(config)

	now := time.Now()
	raw := canary + ".eyJhbGciOiJIUzI1NiJ9"
	good := func(id string, at time.Time, p place) string {
		return strings.ReplaceAll(event(id, token(7), "session.used", at, p), token(7), raw)
	}
	values := []string{
		good("r-1", now.Add(-4*time.Minute), paris),
		good("r-2", now, tokyo), // found and revoked, under the fingerprint
		strings.Replace(event("r-3", token(8), "session.rotated", now, paris), `"type"`, `"previous_token":"`+raw+`-2","type"`, 1),
		`{"id":"r-4","token":"` + raw + `"`,       // cut off
		`{"id":"r-5","token":["` + raw + `"]}`,    // wrong type
		`{"` + raw + `":1,"id":"r-6"}`,            // as a name
		raw,                                       // no JSON at all
		`{"id":"r-7","token":"x","` + raw + `":}`, // broken behind it
		`{"id":"r-8","token":"` + raw + `","time":"` + raw + `","ip":"` + raw + `"}`,
		`{"id":"r-9","token":"` + raw + `","time":"` + now.UTC().Format(time.RFC3339) + `","type":"` + raw + `"}`,
	}
	for _, v := range values {
		r := &kgo.Record{Key: []byte(raw), Value: []byte(v), Headers: []kgo.RecordHeader{{Key: "x", Value: []byte(raw)}}}
		if err := s.producer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	s.await("the revocation and the message about it", func() bool { return len(s.receiver.ids()) == 1 && len(channel.Messages()) > 0 })
	s.settled(1)

	written := map[string]string{"log": m.out.String(), "metrics": get(t, "http://"+admin+"/metrics")}
	for _, topic := range []string{s.topic + ".dead", s.topic + ".sightings", s.topic + ".signals", s.topic + ".response", s.topic + "-findings", s.topic + "-revocations"} {
		written["topic "+topic] = strings.Join(s.read(topic), "\n")
	}
	for _, r := range s.read(s.topic) {
		theirs := slices.ContainsFunc(values, func(v string) bool { return r == raw+" "+v })
		if !theirs { // what the app wrote holds the token; what hijackd wrote back must not
			written["topic "+s.topic] += r
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
	for where, text := range written {
		if text == "" {
			t.Errorf("nothing was written to %s: the test looks in the wrong place", where)
		}
		if strings.Contains(text, canary) {
			t.Errorf("the raw token is in %s", where)
		}
	}
	if n := strings.Count(written["topic "+s.topic+".dead"], `"reason"`); n != 7 {
		t.Errorf("%d dead letters, want 7", n)
	}
	if !strings.Contains(written["metrics"], "hijackd_raw_tokens_total 3") {
		t.Errorf("raw tokens are not counted as 3")
	}
}

// dump is the text of every table and view in the database, and of what the engine logged about them.
func (s *site) dump() map[string]string {
	s.t.Helper()
	_, name, _ := strings.Cut(strings.TrimPrefix(s.dsn, "clickhouse://"), "/")
	var tables []string
	rows, err := s.db.Query(s.t.Context(), "SELECT name FROM system.tables WHERE database = '"+name+"'")
	if err != nil {
		s.t.Fatal(err)
	}
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			s.t.Fatal(err)
		}
		tables = append(tables, table)
	}
	_ = rows.Close()
	dump := map[string]string{}
	for _, table := range tables {
		var text string
		q := fmt.Sprintf("SELECT arrayStringConcat(groupArray(toString(tuple(*))), '\n') FROM `%s`.`%s`", name, table)
		if err := s.db.QueryRow(s.t.Context(), q).Scan(&text); err != nil {
			s.t.Fatalf("dump %s: %v", table, err)
		}
		dump[table] = text
	}
	if len(dump) < 5 {
		s.t.Fatalf("only %d tables", len(dump))
	}
	return dump
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
