package store

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
	"pgregory.net/rapid"
)

// The view events says in words what was stored in numbers.
func TestEventsView(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	var es []schema.Event
	for o := range int64(300) {
		x := anyEvent(o).Example(int(o))
		x.ID += strconv.FormatInt(o, 10)
		x.Time = noon.UnixNano() + o // ClickHouse shows years 1900 to 2262
		es = append(es, x)
	}
	put(t, e, es...)
	rows, err := db.conn.Query(t.Context(), `SELECT offset, type, ip, network, binding, scheme, token_in, outcome, sensitive, raw_token, clock_ahead,
		user_agent, ua_family, ua_os, device_class, lat IS NOT NULL, time, user, country, token FROM events`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var o int64
		var typ, ip, network, binding, scheme, in, outcome, ua, family, os, class, user, country, token string
		var sensitive, raw, ahead bool
		var place uint8
		var at time.Time
		var flags [3]uint8
		if err := rows.Scan(&o, &typ, &ip, &network, &binding, &scheme, &in, &outcome, &flags[0], &flags[1], &flags[2], &ua, &family, &os, &class, &place,
			&at, &user, &country, &token); err != nil {
			t.Fatal(err)
		}
		sensitive, raw, ahead = flags[0] == 1, flags[1] == 1, flags[2] == 1
		x := es[o]
		wantIP := ""
		if x.IP.IsValid() {
			wantIP = x.IP.String()
		}
		got := fmt.Sprint(typ, ip, network, binding, scheme, in, outcome, sensitive, raw, ahead, ua, family, os, class, place, at.UnixNano(), user, country, token)
		wantPlace := 0
		if x.Geo.HasPlace {
			wantPlace = 1
		}
		wantClass := ""
		if x.UserAgent != "" {
			wantClass = "desktop"
		}
		want := fmt.Sprint(x.Type.String(), wantIP, x.Geo.Network.String(), []string{"", "ok", "failed"}[x.Binding], []string{"", "https", "http"}[x.Scheme],
			[]string{"", "cookie", "header", "query", "body"}[x.TokenIn], []string{"", "accepted", "rejected"}[x.Outcome], x.Sensitive, x.RawToken, x.Ahead,
			x.UserAgent, x.Agent.Family, x.Agent.OS, wantClass, wantPlace, x.Time, x.User, x.Geo.Country, x.Token)
		if got != want {
			t.Errorf("offset %d: %s\nwant %s", o, got, want)
		}
	}
	if err := rows.Err(); err != nil || n != len(es) {
		t.Errorf("%d rows, want %d: %v", n, len(es), err)
	}
}

var granules = regexp.MustCompile(`Granules: (\d+)/(\d+)`)

// A condition on the token reaches the primary key through each view, so that looking at one session never reads the table.
func TestTokenReachesThePrimaryKey(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	put(t, e, traffic(50_000, 20_000, 0)...)
	for _, view := range []string{"events", "tokens"} {
		for _, where := range []string{"tenant = '' AND token = '%s'", "token = '%s'", "tenant = '' AND token IN ('%s', 'h1:k1:none')"} {
			q := "EXPLAIN indexes = 1 SELECT * FROM " + view + " WHERE " + fmt.Sprintf(where, trafficToken(17))
			rows, err := db.conn.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			var plan []string
			for rows.Next() {
				var line string
				if err := rows.Scan(&line); err != nil {
					t.Fatal(err)
				}
				plan = append(plan, line)
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			_, after, found := strings.Cut(strings.Join(plan, "\n"), "PrimaryKey")
			m := granules.FindStringSubmatch(after)
			if !found || m == nil {
				t.Fatalf("%s where %s uses no primary key:\n%s", view, where, strings.Join(plan, "\n"))
			}
			read, _ := strconv.Atoi(m[1])
			all, _ := strconv.Atoi(m[2])
			if all < 100 || read > 8 {
				t.Errorf("%s where %s reads %d of %d granules", view, where, read, all)
			}
		}
	}
}

func anyFinding(id string) *rapid.Generator[schema.Finding] {
	return rapid.Custom(func(t *rapid.T) schema.Finding {
		at := func(name string) time.Time {
			return noon.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, name)))
		}
		return schema.Finding{
			ID: id, Rule: "parallel-use", RuleVersion: 1, Severity: schema.High, Scope: schema.ScopeToken, Decision: schema.Observe, Would: schema.Alert,
			WithoutHistory: rapid.Bool().Draw(t, "without"), Informed: rapid.IntRange(0, 3).Draw(t, "informed"), Conclusive: rapid.Bool().Draw(t, "conclusive"),
			Confidence: rapid.SampledFrom([]float64{0, 0.5, 0.9, 0.95, 0.95 + 1e-9, 1}).Draw(t, "confidence"),
			Time:       at("time"), EventID: rapid.SampledFrom([]string{"", "a", "b", "é"}).Draw(t, "event"), FirstSeen: at("first"), DetectedAt: noon,
			Attack: []string{"T1539"},
			Events: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "é"}), 0, 3).Draw(t, "events"),
		}
	})
}

// Whatever the order in which versions are written, the view shows the one that is greatest by schema.Finding.Compare.
func TestStrongestVersionWins(t *testing.T) {
	db := newDB(t)
	want := make(map[string]schema.Finding)
	var all []schema.Finding
	for i := range 60 {
		id := "fnd_" + strconv.Itoa(i)
		vs := rapid.SliceOfN(anyFinding(id), 1, 12).Example(i)
		want[id] = slices.MaxFunc(vs, func(a, b schema.Finding) int { return a.Compare(&b) })
		all = append(all, vs...)
	}
	for part := range slices.Chunk(all, 50) {
		if err := db.InsertFindings(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.InsertFindings(t.Context(), all[:100]); err != nil { // again
		t.Fatal(err)
	}
	rows, err := db.conn.Query(t.Context(), "SELECT id, without_history, informed, conclusive, confidence, time, event_id, first_seen, events FROM findings")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var f schema.Finding
		var informed int64
		if err := rows.Scan(&f.ID, &f.WithoutHistory, &informed, &f.Conclusive, &f.Confidence, &f.Time, &f.EventID, &f.FirstSeen, &f.Events); err != nil {
			t.Fatal(err)
		}
		f.Informed = int(informed)
		if w := want[f.ID]; w.Compare(&f) != 0 {
			t.Fatalf("the view shows %+v, want %+v", f, w)
		}
	}
	if err := rows.Err(); err != nil || n != len(want) {
		t.Errorf("%d findings, want %d: %v", n, len(want), err)
	}
}

// finding is a complete one.
func finding(token string) schema.Finding {
	lat, lon, far, east := 48.8566, 2.3522, 35.6762, 139.6503
	return schema.Finding{
		ID: schema.FindingID("", "impossible-travel", schema.ScopeToken, token, 0, "FR-JP"), Rule: "impossible-travel", RuleVersion: 1, Severity: schema.High,
		Confidence: 0.95, Conclusive: true, Decision: schema.RevokeSession, Would: schema.RevokeSession, Scope: schema.ScopeToken, Subject: token, Token: token,
		User: "u-1", Session: "sid-1", App: "shop", EventID: "e-42", Time: noon, FirstSeen: noon.Add(-4 * time.Minute), DetectedAt: noon.Add(time.Second),
		Summary: "Paris → Tokyo, 9 672 km in 4 min (145 080 km/h)", Attack: []string{"T1539", "T1550.004"},
		Evidence: map[string]any{"distance_km": 9672.0, "seconds": 240.0, "kmh": 145080.0}, Events: []string{"e-41", "e-42"},
		From: &schema.End{IP: netip.MustParseAddr("192.0.2.7"), ASN: 3215, Country: "FR", City: "Paris", Lat: &lat, Lon: &lon, AccuracyKM: 20, UA: "Firefox on Windows"},
		To:   &schema.End{IP: netip.MustParseAddr("2001:db8::1"), ASN: 2497, Country: "JP", City: "Tokyo", Lat: &far, Lon: &east, AccuracyKM: 10, UA: "Chrome on Linux"},
	}
}

func TestFindingsView(t *testing.T) {
	db := newDB(t)
	f := finding("h1:k:a")
	weaker := f
	weaker.Decision, weaker.DetectedAt = schema.Observe, f.DetectedAt.Add(time.Hour) // as strong, but decided to do less
	if err := db.InsertFindings(t.Context(), []schema.Finding{f, weaker}); err != nil {
		t.Fatal(err)
	}
	got := one[string](t, db, `SELECT toString(tuple(id, rule, rule_version, severity, confidence, conclusive, decision, would, suppressed_by, scope, subject, epoch, tenant,
		token, user, session, app, event_id, summary, attack, events, from_ip, from_asn, from_country, from_city, from_lat, from_ua, to_ip, to_asn, to_country,
		to_city, to_lon, to_accuracy_km, to_ua)) FROM findings`)
	want := `('` + f.ID + `','impossible-travel',1,'high',0.95,true,'revoke_session','revoke_session','','token','h1:k:a',0,'','h1:k:a','u-1','sid-1','shop','e-42',` +
		`'Paris → Tokyo, 9 672 km in 4 min (145 080 km/h)',['T1539','T1550.004'],['e-41','e-42'],'192.0.2.7',3215,'FR','Paris',48.8566,'Firefox on Windows',` +
		`'2001:db8::1',2497,'JP','Tokyo',139.6503,10,'Chrome on Linux')`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	var evidence map[string]any
	if err := json.Unmarshal([]byte(one[string](t, db, "SELECT evidence FROM findings")), &evidence); err != nil || evidence["kmh"] != 145080.0 {
		t.Errorf("evidence %v: %v", evidence, err)
	}
	var end schema.End
	if err := json.Unmarshal([]byte(one[string](t, db, "SELECT `to` FROM findings")), &end); err != nil || end.IP != f.To.IP || *end.Lon != *f.To.Lon {
		t.Errorf("to %+v: %v", end, err)
	}
}

// An action shows its highest state, whatever the order of writing.
func TestActionsView(t *testing.T) {
	db := newDB(t)
	for _, tt := range []struct {
		id     string
		states []schema.ActionState
		want   string
	}{
		{"act_1", []schema.ActionState{schema.ActionPending}, "pending"},
		{"act_2", []schema.ActionState{schema.ActionHeld, schema.ActionPending}, "held"},
		{"act_3", []schema.ActionState{schema.ActionReleased, schema.ActionHeld}, "pending"},
		{"act_4", []schema.ActionState{schema.ActionDiscarded, schema.ActionHeld}, "discarded"},
		{"act_5", []schema.ActionState{schema.ActionDelivered, schema.ActionFailed, schema.ActionPending}, "delivered"},
		{"act_6", []schema.ActionState{schema.ActionPending, schema.ActionFailed}, "failed"},
	} {
		for _, s := range tt.states {
			a := schema.Action{ID: tt.id, Action: schema.RevokeSession, State: s, Subject: "h1:k:a", Token: "h1:k:a", Epoch: "0", DecidedAt: noon, Mode: "enforce"}
			for range 2 {
				if err := db.InsertActions(t.Context(), []schema.Action{a}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := one[string](t, db, "SELECT state FROM actions WHERE action_id = ?", tt.id); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.states, got, tt.want)
		}
	}
	tries := schema.Action{ID: "act_7", Action: schema.RevokeSession, State: schema.ActionPending, Attempts: 3, DecidedAt: noon}
	fewer := tries
	fewer.Attempts = 1
	if err := db.InsertActions(t.Context(), []schema.Action{tries, fewer}); err != nil {
		t.Fatal(err)
	}
	if n := one[int64](t, db, "SELECT attempts FROM actions WHERE action_id = 'act_7'"); n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}
	if n := one[uint64](t, db, "SELECT count() FROM actions WHERE finished_at IS NULL AND decided_at = fromUnixTimestamp64Milli(?)", noon.UnixMilli()); n != 7 {
		t.Errorf("%d actions with their times, want 7", n)
	}
}

func TestTokensView(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	at := func(x schema.Event, after time.Duration) schema.Event {
		x.Time = noon.Add(after).UnixNano()
		return x
	}
	from := func(x schema.Event, ip, city, ua string) schema.Event {
		x.IP, x.Geo.City, x.UserAgent, x.Agent = netip.MustParseAddr(ip), city, ua, parseAgent(ua)
		return x
	}
	kind := func(x schema.Event, k schema.EventType) schema.Event { x.Type = k; return x }
	a := func(o int64) schema.Event { return use("h1:k:a", o) }
	es := []schema.Event{
		at(a(1), 0), at(from(a(2), "198.51.100.1", "Tokyo", "curl"), 2*time.Minute), at(from(a(3), "2001:db8::1", "Paris", "curl"), 10*time.Minute),
		at(from(a(4), "2001:db8::2", "Paris", "curl"), 11*time.Minute), // the same /64: no further vantage
		at(use("h1:k:ended", 5), 0), at(kind(use("h1:k:ended", 6), schema.SessionEnded), time.Minute),
		at(kind(use("h1:k:revoked", 7), schema.SessionRevoked), 2*time.Minute), at(kind(use("h1:k:revoked", 8), schema.SessionEnded), 3*time.Minute),
		at(kind(use("h1:k:rotated", 9), schema.Superseded), 0), at(use("h1:k:rotated", 10), -time.Minute),
		at(kind(use("h1:k:again", 11), schema.SessionRevoked), 0), at(kind(use("h1:k:again", 12), schema.SessionStarted), time.Hour),
		at(kind(use("", 13), schema.LoginFailed), 0),
	}
	for i := range es {
		es[i].ID = strconv.Itoa(i)
	}
	put(t, e, es...)
	put(t, e, es[:3]...)
	got := one[string](t, db, `SELECT toString(tuple(arraySort(ips), arraySort(cities), countries, asns, arraySort(user_agents), users, apps, vantages_at_once, state,
		dateDiff('minute', first_use, last_use))) FROM tokens WHERE token = 'h1:k:a'`)
	want := `(['192.0.2.7','198.51.100.1','2001:db8::1','2001:db8::2'],['Paris','Tokyo'],['FR'],[3215],['Firefox Windows','curl'],['u-1'],['shop'],2,'active',11)`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	states := one[string](t, db, "SELECT toString(arraySort(groupArray((token, state)))) FROM tokens")
	want = `[('h1:k:a','active'),('h1:k:again','active'),('h1:k:ended','ended'),('h1:k:revoked','revoked'),('h1:k:rotated','rotated')]`
	if states != want {
		t.Errorf("%s\nwant %s", states, want)
	}
}

// No error shows what was in a row or a query.
func TestErrorsQuoteNothing(t *testing.T) {
	const canary = "h1:canary:do-not-show"
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	c := put(t, e, use(canary, 1))
	for _, table := range []string{"session_events", "finding_versions", "action_states", "audit_log"} {
		if err := db.conn.Exec(t.Context(), "RENAME TABLE "+table+" TO gone_"+table); err != nil {
			t.Fatal(err)
		}
	}
	b, err := newEventBlock(new(known))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.add([]schema.Event{use(canary, 2)}); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"load":     c.Load(t.Context(), 9, []schema.Subject{{Name: canary}}, func(schema.Subject, *schema.Event) {}),
		"insert":   b.write(t.Context(), db),
		"findings": db.InsertFindings(t.Context(), []schema.Finding{finding(canary)}),
		"actions":  db.InsertActions(t.Context(), []schema.Action{{ID: "act_1", Token: canary}}),
		"audit":    db.InsertAudit(t.Context(), []schema.Audit{{ID: "aud_1", Subject: canary}}),
		"tokens":   db.Tokens(t.Context(), nil, []string{canary}, func(*Token) {}),
		"of users": userTokens(t, db, canary),
		"read":     db.Actions(t.Context(), ActionFilter{User: canary}, func(*schema.Action) error { return nil }),
	} {
		if err == nil {
			t.Errorf("%s: no error from a table that is gone", what)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func userTokens(t *testing.T, db *DB, user string) error {
	t.Helper()
	_, err := db.UserTokens(t.Context(), "", user, time.Time{}, 1)
	return err
}
