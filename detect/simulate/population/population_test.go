package population

import (
	"crypto/sha256"
	"math"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

var start = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC) // a Monday

func run(t testing.TB, cfg Config, see func(e *simulate.Event)) *World {
	t.Helper()
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for e := (simulate.Event{}); w.Next(&e); {
		see(&e)
	}
	return w
}

func digest(t testing.TB, cfg Config) (sum [32]byte, lines int) {
	h := sha256.New()
	var line []byte
	run(t, cfg, func(e *simulate.Event) {
		line = append(e.AppendJSON(line[:0], true), '\n')
		_, _ = h.Write(line)
		lines++
	})
	return [32]byte(h.Sum(nil)), lines
}

func TestOneSeedOneStream(t *testing.T) {
	cfg := Config{Seed: 7, Users: 150, Start: start, Duration: 24 * time.Hour, Attacks: simulate.AllAttacks(), Late: 0.01, Repeats: 0.01}
	first, lines := digest(t, cfg)
	if again, _ := digest(t, cfg); again != first || lines < 10_000 {
		t.Errorf("%d lines, twice the same: %v", lines, again == first)
	}
	cfg.Seed++
	if other, _ := digest(t, cfg); other == first {
		t.Error("another seed gives the same events")
	}
}

// TestAttacksTouchOnlyTheirVictims: what happens to everybody else is the same without any attack.
func TestAttacksTouchOnlyTheirVictims(t *testing.T) {
	cfg := Config{Seed: 5, Users: 200, Start: start, Duration: 12 * time.Hour}
	events := func(attacks []simulate.Attack) (map[string]string, *World) {
		byUser := map[string]string{}
		var line []byte
		w := run(t, cfgWith(cfg, attacks), func(e *simulate.Event) {
			if e.Role == simulate.User && e.User != "" {
				e.ID = ""
				line = e.AppendUnlabelled(line[:0], true)
				sum := sha256.Sum256(append(line, byUser[e.User]...))
				byUser[e.User] = string(sum[:])
			}
		})
		return byUser, w
	}
	with, w := events(simulate.AllAttacks())
	without, _ := events(nil)
	robbed := map[string]bool{}
	for _, p := range w.people {
		robbed[p.name] = p.robbed
	}
	same := 0
	for user, sum := range without {
		switch {
		case with[user] == sum:
			same++
		case !robbed[user]:
			t.Errorf("%s, whom nobody attacked, does something else", user)
		}
	}
	if same < 100 {
		t.Errorf("only %d do the same", same)
	}
}

func cfgWith(cfg Config, attacks []simulate.Attack) Config {
	cfg.Attacks = attacks
	return cfg
}

func TestSessionsAreAboutAsManyAsWanted(t *testing.T) {
	for _, cfg := range []Config{
		{Seed: 1, Sessions: 3000, Start: start, Duration: 24 * time.Hour},
		{Seed: 2, Sessions: 2000, Start: start.Add(9 * time.Hour), Duration: time.Hour},
		{Seed: 3, Sessions: 4000, Start: start, Duration: 5 * 24 * time.Hour},
	} {
		started := map[string]bool{}
		w := run(t, cfg, func(e *simulate.Event) {
			if e.Type == schema.SessionStarted {
				started[e.Token] = true
			}
		})
		if n := w.Sessions(); n < cfg.Sessions*95/100 || n > cfg.Sessions*105/100 || len(started) > n || len(started) < n*98/100 {
			t.Errorf("%d sessions, of which %d were seen to start, %d wanted in %s", n, len(started), cfg.Sessions, cfg.Duration)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	good := Config{Users: 1, Start: start, Duration: time.Hour}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"nobody":           func(c *Config) { c.Users = 0 },
		"too many":         func(c *Config) { c.Users = 6_000_000 },
		"no time":          func(c *Config) { c.Duration = 0 },
		"two years":        func(c *Config) { c.Duration *= 2 * 366 * 24 },
		"before the epoch": func(c *Config) { c.Start = time.Time{} },
		"a share over 1":   func(c *Config) { c.Late = 1.5 },
		"no share":         func(c *Config) { c.Repeats = math.NaN() },
		"an unknown kind":  func(c *Config) { c.Attacks = []simulate.Attack{"x"} },
		"fewer than none":  func(c *Config) { c.Each = -1 },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestOnlyLateEventsAreOutOfOrder(t *testing.T) {
	for _, cfg := range []Config{{Late: 0.01, Repeats: 0.01}, {Shuffle: true}} {
		cfg.Seed, cfg.Users, cfg.Start, cfg.Duration = 4, 100, start, 24*time.Hour
		var newest int64
		seen, late, twice, n := map[string]bool{}, 0, 0, 0
		run(t, cfg, func(e *simulate.Event) {
			n++
			if e.Time < newest-int64(9*time.Minute)-2*second {
				t.Fatalf("%s arrives %s late", e.ID, time.Duration(newest-e.Time))
			}
			if behind := newest - e.Time; behind > int64(10*time.Second) {
				late++
				if !cfg.Shuffle && !e.Nuisances.Has(simulate.LateEvent) && !e.Nuisances.Has(simulate.Duplicate) {
					t.Fatalf("%s is %s late and not labelled so", e.ID, time.Duration(behind))
				}
			}
			if seen[e.ID] {
				twice++
			}
			seen[e.ID] = true
			newest = max(newest, e.Time)
		})
		if cfg.Shuffle && late < n/2 || !cfg.Shuffle && (late < n/200 || late > n/50 || twice < n/200 || twice > n/50) {
			t.Errorf("%+v: of %d events %d late, %d twice", cfg, n, late, twice)
		}
	}
}
