package population

import (
	"math/rand/v2"
	"strconv"

	"github.com/hijackd/hijackd/schema"
)

// browser is a user agent with its version cut out, and what hijackd's parser makes of it.
type browser struct {
	before, after string
	version       int
	family, os    string
	class         schema.DeviceClass
	ja4           string // with the version's group cut out
	weight        int
	apple         bool // can use Private Relay
	silent        bool // the parser finds no version in it
}

const (
	chromeJA4  = "t13d1516h2_8daaf6152771_"
	safariJA4  = "t13d2014h2_a09f3c656075_"
	firefoxJA4 = "t13d1717h2_5b57614c22b0_"
	nativeJA4  = "t13d1312h2_f57a46bbacb6_"
	afterKHTML = ".0.0.0 Safari/537.36"
)

// Shares follow public statistics of browsers roughly. Chrome's are reduced (no minor versions, a frozen Android model), Safari's
// frozen at macOS 10.15.7.
var (
	laptopBrowsers = []browser{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", afterKHTML, 142, "Chrome", "Windows", schema.DeviceDesktop, chromeJA4, 46, false, false},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", afterKHTML, 142, "Chrome", "macOS", schema.DeviceDesktop, chromeJA4, 13, false, false},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/", ".1 Safari/605.1.15", 26, "Safari", "macOS", schema.DeviceDesktop, safariJA4, 12, true, false},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/", ".0.0.0", 142, "Edge", "Windows", schema.DeviceDesktop, chromeJA4, 14, false, false},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/", ".0", 145, "Firefox", "Windows", schema.DeviceDesktop, firefoxJA4, 6, false, false},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/", ".0", 145, "Firefox", "Linux", schema.DeviceDesktop, firefoxJA4, 2, false, false},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", afterKHTML, 142, "Chrome", "ChromeOS", schema.DeviceDesktop, chromeJA4, 4, false, false},
	}
	phoneBrowsers = []browser{
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/", ".1 Mobile/15E148 Safari/604.1", 26, "Safari", "iOS", schema.DeviceMobile, safariJA4, 42, true, false},
		{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", ".0.0.0 Mobile Safari/537.36", 142, "Chrome", "Android", schema.DeviceMobile, chromeJA4, 46, false, false},
		{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/", ".0 Chrome/136.0.0.0 Mobile Safari/537.36", 29, "Samsung Browser", "Android", schema.DeviceMobile, chromeJA4, 9, false, false},
		{"Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/", ".0", 145, "Firefox", "Android", schema.DeviceMobile, firefoxJA4, 2, false, false},
	}
	tabletBrowsers = []browser{
		{"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/", ".1 Mobile/15E148 Safari/604.1", 26, "Safari", "iOS", schema.DeviceTablet, safariJA4, 7, true, false},
		{"Mozilla/5.0 (Linux; Android 15; SM-X210) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", afterKHTML, 142, "Chrome", "Android", schema.DeviceMobile, chromeJA4, 3, false, false},
	}
	// webViews are browsers inside other apps: what people follow links with.
	webViews = []browser{
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/", ".0.0.40.87;FBDV/iPhone15,2;FBSN/iOS]", 531, "Facebook App", "iOS", schema.DeviceMobile, safariJA4, 1, false, true},
		{"Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/BP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/", ".0.7444.102 Mobile Safari/537.36", 142, "Chrome", "Android", schema.DeviceMobile, chromeJA4, 1, false, false},
	}
	natives = []browser{
		{"ChatApp/", " CFNetwork/3826.600.41 Darwin/24.6.0", 87, "ChatApp", "iOS", schema.DeviceMobile, nativeJA4, 1, false, false},
		{"okhttp/", ".12.0", 4, "okhttp", "", schema.DeviceMobile, nativeJA4, 1, false, false},
	}
	scripts = []browser{
		{"python-requests/", ".32.3", 2, "python-requests", "", schema.DeviceScript, "t13i1811h1_85036bcba153_", 4, false, false},
		{"Go-http-client/", ".1", 1, "Go-http-client", "", schema.DeviceScript, "t13i1310h2_f57a46bbacb6_", 2, false, false},
		{"curl/", ".9.1", 8, "curl", "", schema.DeviceScript, "t13d3112h2_e8f1e7e78f70_", 2, false, false},
		{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/", afterKHTML, 141, "Headless Chrome", "Linux", schema.DeviceScript, chromeJA4, 1, false, false},
	}
)

func choose(all []browser, r *rand.Rand) *browser {
	total := 0
	for i := range all {
		total += all[i].weight
	}
	n := r.IntN(total)
	for i := range all {
		if n -= all[i].weight; n < 0 {
			return &all[i]
		}
	}
	return &all[0]
}

// client is a browser in a version: what one request shows of its device.
type client struct {
	userAgent string
	agent     schema.Agent
	ja4       string
	browser   *browser
	version   int
}

func (b *browser) at(version int) *client {
	c := &client{
		userAgent: b.before + strconv.Itoa(version) + b.after, browser: b, version: version, ja4: b.ja4 + ja4Tails[version%len(ja4Tails)],
		agent: schema.Agent{Family: b.family, OS: b.os, Major: uint16(version), Class: b.class}, // #nosec G115 -- versions are small
	}
	if b.silent {
		c.agent.Major = 0
	}
	return c
}

// ja4Tails is the part of a JA4 that changes when a version brings other extensions.
var ja4Tails = [...]string{"02713d6af862", "d8a2da3f94cd", "e5627efa2ab1"}

// clients shares what many devices have in common.
type clients map[clientKey]*client

type clientKey struct {
	browser *browser
	version int
}

func (c clients) of(b *browser, version int) *client {
	k := clientKey{b, version}
	if c[k] == nil {
		c[k] = b.at(version)
	}
	return c[k]
}
