package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

func TestActionsAreReadBack(t *testing.T) {
	db := newDB(t)
	all := []schema.Action{
		{ID: "act_1", Action: schema.RevokeSession, State: schema.ActionHeld, Tenant: "acme", Subject: "h1:k:a", Epoch: "2", Token: "h1:k:a", Session: "s", User: "u-1", Partition: 3,
			Reason: "replay", Risk: 0.5, Mode: "enforce", Findings: []schema.Finding{{ID: "fnd_1", Rule: "replay", Summary: "it's used again"}}, DecidedAt: noon, Round: 1, By: "ann"},
		{ID: "act_2", Action: schema.RevokeUser, State: schema.ActionDelivered, User: "u-2", Reason: "parallel-use", DecidedAt: noon.Add(time.Minute), To: "caep",
			Attempts: 2, FinishedAt: noon.Add(time.Hour), Outcome: "202"},
		{ID: "act_3", Action: schema.RevokeSession, State: schema.ActionHeld, User: "o'hara\\", Reason: "replay", DecidedAt: noon.Add(2 * time.Minute)},
	}
	if err := db.InsertActions(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	acme, none := "acme", ""
	held := []schema.ActionState{schema.ActionHeld}
	for _, tt := range []struct {
		f    ActionFilter
		want string
	}{
		{ActionFilter{}, "act_1 act_2 act_3"},
		{ActionFilter{States: held}, "act_1 act_3"},
		{ActionFilter{States: held, Tenant: &acme}, "act_1"},
		{ActionFilter{States: held, Tenant: &none}, "act_3"},
		{ActionFilter{User: "o'hara\\"}, "act_3"},
		{ActionFilter{Rule: "parallel-use"}, "act_2"},
		{ActionFilter{Since: noon.Add(time.Second)}, "act_2 act_3"},
		{ActionFilter{IDs: []string{"act_2", "act_9"}}, "act_2"},
	} {
		var got []string
		err := db.Actions(t.Context(), tt.f, func(a *schema.Action) error {
			i := slices.IndexFunc(all, func(o schema.Action) bool { return o.ID == a.ID })
			if g, w := fmt.Sprintf("%+v", *a), fmt.Sprintf("%+v", all[i]); g != w {
				t.Errorf("read %s\nwant %s", g, w)
			}
			got = append(got, a.ID)
			return nil
		})
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: %v, %v; want %s", tt.f, got, err, tt.want)
		}
	}
	stop := errors.New("enough")
	n := 0
	if err := db.Actions(t.Context(), ActionFilter{}, func(*schema.Action) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("%d calls, %v", n, err)
	}
}

func TestTokensAreLookedUp(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	offset := int64(0)
	at := func(token, tenant string, kind schema.EventType, minute int) schema.Event {
		offset++
		x := use(token, offset)
		x.Tenant, x.Type, x.Time = tenant, kind, noon.Add(time.Duration(minute)*time.Minute).UnixNano()
		return x
	}
	last := at("h1:k:a", "", schema.SessionUsed, 9)
	last.User, last.Session, last.ExpiresAt = "u-9", "sid-9", noon.Add(time.Hour).UnixNano()
	older := at("h1:k:a", "", schema.SessionUsed, 8)
	older.Session = "sid-8"
	put(t, e, last, older, at("h1:k:a", "acme", schema.SessionRevoked, 1),
		at("h1:k:lives", "", schema.SessionRevoked, 6), at("h1:k:lives", "", schema.SessionStarted, 1), at("h1:k:lives", "", schema.SessionEnded, 2),
		at("h1:k:lives", "", schema.SessionRevoked, 3), at("h1:k:lives", "", schema.SessionStarted, 4), at("h1:k:lives", "", schema.SessionStarted, 5),
		at("h1:k:lives", "", schema.SessionStarted, 7))
	look := func(tenant *string, tokens ...string) map[string]Token {
		t.Helper()
		got := map[string]Token{}
		if err := db.Tokens(t.Context(), tenant, tokens, func(x *Token) { got[x.Tenant+"/"+x.Token] = *x }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := look(nil, "h1:k:a", "h1:k:lives", "h1:k:never'seen")
	if len(got) != 3 || len(look(nil)) != 0 {
		t.Fatalf("%+v", got)
	}
	want := Token{Token: "h1:k:a", State: "active", User: "u-9", Session: "sid-9", FirstUse: noon.Add(8 * time.Minute), LastUse: noon.Add(9 * time.Minute), ExpiresAt: noon.Add(time.Hour)}
	a := got["/h1:k:a"]
	slices.Sort(a.Users)
	if !slices.Equal(a.Users, []string{"u-1", "u-9"}) || !slices.Equal(a.Apps, []string{"shop"}) {
		t.Errorf("users %v, apps %v", a.Users, a.Apps)
	}
	if !a.Live(noon) || a.Live(noon.Add(time.Hour)) {
		t.Error("it lives until it expires")
	}
	if a.Users, a.Apps = nil, nil; fmt.Sprint(a) != fmt.Sprint(want) {
		t.Errorf("%+v\nwant %+v", a, want)
	}
	if r := got["acme/h1:k:a"]; r.State != "revoked" || r.Live(noon) || !r.LastUse.IsZero() {
		t.Errorf("%+v", r)
	}
	if l := got["/h1:k:lives"]; l.Epoch != 2 || l.State != "active" { // started after 3 and after 6
		t.Errorf("%+v", l)
	}
	acme := "acme"
	if got := look(&acme, "h1:k:a", "h1:k:lives"); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	for _, tt := range []struct {
		user  string
		since time.Time
		limit int
		want  []string
	}{
		{"u-1", time.Time{}, 10, []string{"h1:k:a", "h1:k:lives"}},
		{"u-1", time.Time{}, 1, []string{"h1:k:a"}},
		{"u-9", time.Time{}, 10, []string{"h1:k:a"}},
		{"u-1", time.Now().Add(time.Hour), 10, nil},
		{"nobody", time.Time{}, 10, nil},
	} {
		if got, err := db.UserTokens(t.Context(), "", tt.user, tt.since, tt.limit); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.user, got, err, tt.want)
		}
	}
}
