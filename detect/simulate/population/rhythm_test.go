package population

import (
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// week is what is counted of seven days, by what people did themselves.
type week struct {
	clicks   [7][24]int // by local day and hour, of people of one zone
	sessions int
	users    map[string]bool
	moves    map[simulate.Nuisance]int
	kinds    map[schema.EventType]int
	events   int
}

func aWeek(t *testing.T) (*week, *World) {
	t.Helper()
	c := &week{users: map[string]bool{}, moves: map[simulate.Nuisance]int{}, kinds: map[schema.EventType]int{}}
	w := run(t, Config{Seed: 11, Users: 400, Start: start, Duration: 7 * 24 * time.Hour}, func(e *simulate.Event) {
		c.events++
		c.kinds[e.Type]++
		for n := range e.Nuisances.All() {
			c.moves[n]++
		}
		if e.Type == schema.SessionStarted {
			c.sessions++
		}
		if e.User != "" {
			c.users[e.User] = true
		}
		if e.Geo.Country == "JP" && !e.Nuisances.Has(simulate.Tabs) {
			at := time.Unix(0, e.Time).UTC().Add(9 * time.Hour)
			c.clicks[(int(at.Weekday())+6)%7][at.Hour()]++
		}
	})
	return c, w
}

func TestAWeekIsPlausible(t *testing.T) {
	c, w := aWeek(t)
	t.Run("people sleep, work and rest", func(t *testing.T) { c.rhythm(t, w) })
	t.Run("nuisances are as frequent as in life", c.nuisances)
}

func (c *week) rhythm(t *testing.T, w *World) {
	sum := func(days [7][24]int, from, to, first, last int) (n int) {
		for d := first; d < last; d++ {
			for h := from; h < to; h++ {
				n += days[d][h]
			}
		}
		return n / (last - first)
	}
	if night, morning := sum(c.clicks, 2, 5, 0, 6), sum(c.clicks, 9, 12, 0, 6); night*10 > morning || morning == 0 {
		t.Errorf("in Japan, %d requests a day from 2 to 5 and %d from 9 to 12", night, morning)
	}
	if work, rest := sum(c.clicks, 9, 17, 1, 5), sum(c.clicks, 9, 17, 5, 6); rest*10 > work*9 {
		t.Errorf("in Japan, %d requests on a working day and %d on Saturday", work, rest)
	}
	if daily := float64(c.sessions) / 7 / float64(w.Users()); daily < 1 || daily > 8 {
		t.Errorf("%.1f sessions a person and day", daily)
	}
	if each := c.events / c.sessions; each < 15 || each > 150 {
		t.Errorf("%d events a session", each)
	}
	if len(c.users) < w.Users()*95/100 {
		t.Errorf("of %d people %d were seen", w.Users(), len(c.users))
	}
}

// nuisances bounds the share of events, in parts of a million, that each kind is on.
func (c *week) nuisances(t *testing.T) {
	for kind, limits := range map[simulate.Nuisance][2]int{
		simulate.Commute:       {1_000, 30_000},
		simulate.CarrierNAT:    {300, 30_000},
		simulate.Privacy:       {30, 5_000},
		simulate.HappyEyeballs: {3_000, 100_000},
		simulate.Update:        {5, 2_000},
		simulate.RefreshRace:   {300, 20_000},
		simulate.InFlight:      {50, 5_000},
		simulate.SplitTunnel:   {2_000, 150_000},
		simulate.ZTNA:          {2_000, 250_000},
		simulate.ConsumerVPN:   {500, 60_000},
		simulate.PrivateRelay:  {500, 60_000},
		simulate.InFlightWiFi:  {50, 5_000},
		simulate.Flight:        {3, 1_000},
		simulate.Train:         {1, 1_000},
		simulate.GeoUpdate:     {10, 5_000},
		simulate.StaleClient:   {50, 20_000},
		simulate.Typo:          {50, 5_000},
		simulate.Lease:         {10, 5_000},
		simulate.WebView:       {10, 5_000},
		simulate.KeptToken:     {50, 10_000},
	} {
		if share := c.moves[kind] * 1_000_000 / c.events; share < limits[0] || share > limits[1] {
			t.Errorf("%s is on %d events of a million, not on %d to %d", kind, share, limits[0], limits[1])
		}
	}
	for _, kind := range []simulate.Nuisance{simulate.Roaming, simulate.Misplaced, simulate.SharedAccount} {
		if c.moves[kind] > 0 {
			t.Errorf("%s without Hard", kind)
		}
	}
	for _, kind := range []schema.EventType{schema.SessionUsed, schema.SessionStarted, schema.SessionRotated, schema.SessionElevated, schema.SessionReauthenticated, schema.SessionEnded, schema.LoginFailed} {
		if c.kinds[kind] == 0 {
			t.Errorf("no %s", kind)
		}
	}
}
