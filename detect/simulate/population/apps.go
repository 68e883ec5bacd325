package population

import (
	"time"

	"github.com/hijackd/hijackd/schema"
)

// app is an application that people have sessions with.
type app struct {
	name, host string
	carrier    schema.TokenIn
	bits       int32

	life      time.Duration // after which everybody logs in again
	idle      time.Duration // after which an unused session ends; 0: never
	rotates   time.Duration // mean age at which a token is replaced; 0: never
	poll      time.Duration // period of an open tab; 0: it doesn't
	coalesces int           // polls in one event; 1: each is one
	tabs      bool          // people have several open

	work, native, banking    bool // used at work; by an app on the phone; for money
	ja4, device, cnf, expiry bool // what it reports
	anonymous                bool // gives tokens to visitors, replaced at login …
	keepsToken               bool // … but not by this one, nor at an elevation
	elevates                 float64
	sensitive                float64 // share of requests
	logout                   float64 // share of sittings that end with one
	skew                     time.Duration
	requests                 []request
	login, refresh, out      request
	protected, polled        request
}

type request struct{ method, path string }

func paths(names ...string) (all []request) {
	for _, n := range names {
		all = append(all, request{"GET", n})
	}
	return append(all, request{"POST", names[len(names)-1]})
}

// The apps of a tenant. Times are what such apps have: OWASP's session management advice for the bank, weeks for shop and chat.
const (
	appShop = iota
	appMail
	appOffice
	appBank
	appChat
	appWiki
	apps
)

func catalogue(tenant int) []*app {
	all := []*app{
		appShop: {name: "shop", carrier: schema.TokenInCookie, bits: 128, life: 14 * 24 * time.Hour, ja4: true, anonymous: true, sensitive: 0.02, logout: 0.05,
			requests: paths("/", "/items", "/items/7", "/search", "/cart"), protected: request{"POST", "/checkout"}},
		appMail: {name: "mail", carrier: schema.TokenInCookie, bits: 192, life: 14 * 24 * time.Hour, poll: 2 * time.Minute, coalesces: 5, tabs: true, logout: 0.03,
			requests: paths("/inbox", "/inbox/4", "/search", "/drafts", "/send"), polled: request{"GET", "/poll"}},
		appOffice: {name: "office", carrier: schema.TokenInHeader, bits: 256, life: 12 * time.Hour, rotates: 25 * time.Minute, poll: 3 * time.Minute, coalesces: 1, tabs: true,
			work: true, ja4: true, device: true, expiry: true, elevates: 0.02, sensitive: 0.01, logout: 0.15, skew: 120 * time.Millisecond,
			requests: paths("/board", "/tickets", "/tickets/12", "/crm", "/reports", "/tickets/12/notes"), protected: request{"PUT", "/settings/members"}, polled: request{"GET", "/events"}},
		appBank: {name: "bank", carrier: schema.TokenInCookie, bits: 256, life: 30 * time.Minute, idle: 10 * time.Minute, banking: true, ja4: true, device: true, cnf: true, expiry: true,
			sensitive: 0.08, logout: 0.6, requests: paths("/accounts", "/accounts/1", "/transfers", "/cards"), protected: request{"POST", "/transfers/confirm"}},
		appChat: {name: "chat", carrier: schema.TokenInHeader, bits: 256, life: 90 * 24 * time.Hour, rotates: 50 * time.Minute, poll: 15 * time.Minute, coalesces: 12, native: true, device: true, skew: -200 * time.Millisecond,
			requests: paths("/v1/rooms", "/v1/rooms/3", "/v1/me", "/v1/send"), polled: request{"POST", "/v1/sync"}},
		appWiki: {name: "wiki", carrier: schema.TokenInCookie, bits: 96, life: 24 * time.Hour, idle: 4 * time.Hour, work: true, anonymous: true, keepsToken: true, elevates: 0.03, logout: 0.1, skew: 300 * time.Millisecond,
			requests: paths("/", "/page/2", "/page/9", "/history", "/edit"), protected: request{"POST", "/admin"}},
	}
	for _, a := range all {
		a.host = a.name + "." + tenants[tenant] + ".example"
		a.login, a.refresh, a.out = request{"POST", "/login"}, request{"POST", "/token"}, request{"POST", "/logout"}
	}
	return all
}

// tenants' names, with the share of people in percent.
var (
	tenants      = [...]string{"acme", "globex", "initech"}
	tenantShares = [...]int{60, 28, 12}
)
