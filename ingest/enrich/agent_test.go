package enrich

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hijackd/hijackd/schema"
)

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

func TestParseAgent(t *testing.T) {
	for text, want := range map[string]schema.Agent{
		chrome: {Family: "Chrome", OS: "Windows", Major: 140, Class: schema.DeviceDesktop},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15":                      {Family: "Safari", OS: "macOS", Major: 18, Class: schema.DeviceDesktop},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1":    {Family: "Safari", OS: "iOS", Major: 18, Class: schema.DeviceMobile},
		"Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/114.0.5735.124 Mobile/15E148 Safari/604.1":     {Family: "Chrome", OS: "iOS", Major: 114, Class: schema.DeviceTablet},
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0":                                                                     {Family: "Firefox", OS: "Linux", Major: 132, Class: schema.DeviceDesktop},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/131.0.2903.51":          {Family: "Edge", OS: "Windows", Major: 131, Class: schema.DeviceDesktop},
		"Mozilla/5.0 (Linux; Android 14; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36": {Family: "Samsung Browser", OS: "Android", Major: 27, Class: schema.DeviceMobile},
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                                                   {Family: "Googlebot", Major: 2, Class: schema.DeviceBot},
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36":                              {Family: "Headless Chrome", OS: "Linux", Major: 131, Class: schema.DeviceScript},
		"Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1":                                     {Family: "PhantomJS", OS: "Linux", Major: 2, Class: schema.DeviceScript},
		"Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1":                                                             {Family: "PowerShell", OS: "Windows", Major: 5, Class: schema.DeviceScript},
		"curl/8.5.0":                                  {Family: "curl", Major: 8, Class: schema.DeviceScript},
		"Wget/1.21.3":                                 {Family: "Wget", Major: 1, Class: schema.DeviceScript},
		"python-requests/2.32.3":                      {Family: "python-requests", Major: 2, Class: schema.DeviceScript},
		"Python/3.12 aiohttp/3.9.5":                   {Family: "aiohttp", Major: 3, Class: schema.DeviceScript},
		"python-httpx/0.27.0":                         {Family: "python-httpx", Class: schema.DeviceScript},
		"Python-urllib/3.12":                          {Family: "python-urllib", Major: 3, Class: schema.DeviceScript},
		"Go-http-client/2.0":                          {Family: "Go-http-client", Major: 2, Class: schema.DeviceScript},
		"Java/17.0.2":                                 {Family: "Java", Major: 17, Class: schema.DeviceScript},
		"Apache-HttpClient/4.5.14 (Java/17)":          {Family: "Apache-HttpClient", Major: 4, Class: schema.DeviceScript},
		"libwww-perl/6.67":                            {Family: "libwww-perl", Major: 6, Class: schema.DeviceScript},
		"okhttp/4.12.0":                               {Family: "okhttp", Major: 4, Class: schema.DeviceMobile},
		"Playwright/1.48.0 (x64; ubuntu 22.04) Linux": {Family: "Playwright", OS: "Linux", Major: 1, Class: schema.DeviceScript},
		"Shop/812 CFNetwork/1568.100.1 Darwin/24.0.0": {Family: "Shop", OS: "iOS", Major: 812, Class: schema.DeviceMobile},
		"undici":                    {Family: "undici", Class: schema.DeviceScript},
		"Wget":                      {Family: "Wget", Class: schema.DeviceScript},
		"node-superagent/8.1.2":     {Family: "superagent", Major: 8, Class: schema.DeviceScript},
		"Symfony HttpClient (Curl)": {Family: "Symfony HttpClient", Class: schema.DeviceScript},
		"RestSharp/110.2.0.0":       {Family: "RestSharp", Major: 110, Class: schema.DeviceScript},
		"Dalvik/2.1.0 (Linux; U; Android 14; Pixel)":                                                                                                                          {Family: "Dalvik", OS: "Android", Major: 2, Class: schema.DeviceMobile},
		"Mozilla/5.0 (compatible; Google-Apps-Script; beanserver; +https://script.google.com; id: x)":                                                                         {Family: "Google Apps Script", Class: schema.DeviceScript},
		"Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)":                                                                                              {Family: "UptimeRobot", Major: 2, Class: schema.DeviceBot},
		"Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)":                                                                                                               {Family: "Pingdom", Class: schema.DeviceBot},
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36 CloudWatchSynthetics":                                  {Family: "CloudWatch Synthetics", OS: "Linux", Class: schema.DeviceBot},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0": {Family: "facebookexternalhit", OS: "macOS", Major: 1, Class: schema.DeviceBot},
		"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)":                                                                                                          {Family: "Slackbot", Class: schema.DeviceBot},
		"WhatsApp/2.23.20.0": {Family: "WhatsApp", Major: 2, Class: schema.DeviceBot},
		"kube-probe/1.30":    {Family: "kube-probe", Major: 1, Class: schema.DeviceBot},
		"Evil/1 " + strings.Repeat("(Windows NT 10.0) ", 24): {Family: "Evil"}, // more parts than any browser has
		"":                 {},
		"curl/99999999999": {Family: "curl", Class: schema.DeviceScript},
	} {
		if got := ParseAgent(text); got != want {
			t.Errorf("%q\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestAgentsRemember(t *testing.T) {
	a := NewAgents()
	buffer := []byte(chrome)
	first := a.Parse(string(buffer))
	for i := range 3 * agentSlots {
		text := "Tool" + strings.Repeat("x", i%100) + "/1"
		if got := a.Parse(text); got != ParseAgent(text) {
			t.Fatalf("%q: %+v", text, got)
		}
	}
	if got := a.Parse(chrome); got != first {
		t.Errorf("%+v, first %+v", got, first)
	}
	if a.Parse("") != (schema.Agent{}) {
		t.Error("no user agent, and yet an agent")
	}
}

func FuzzParseAgent(f *testing.F) {
	for _, s := range []string{chrome, "curl/8", strings.Repeat("a;", 300), strings.Repeat("(", 512), "\xff\xfe/1", "\u202eevil/1", " CFNetwork/ Darwin/", "Instagram 1", "Bot"} {
		f.Add(s)
	}
	agents := NewAgents()
	f.Fuzz(func(t *testing.T, text string) {
		a := ParseAgent(text)
		if a != ParseAgent(text) || agents.Parse(text) != a {
			t.Fatal("not a function of its input")
		}
		if len(a.Family) > maxFamily || !utf8.ValidString(a.Family) || string(schema.CleanText(a.Family, maxFamily)) != a.Family {
			t.Fatalf("family %q", a.Family)
		}
		if len(text) > maxAgent && a != ParseAgent(text[:maxAgent]) {
			t.Fatal("looks further than 512 bytes")
		}
	})
}

func BenchmarkHostileAgents(b *testing.B) {
	for name, text := range map[string]string{
		"parts": strings.Repeat("a;", 256), "few-parts": strings.Repeat("abcdefghij;", 46), "brackets": strings.Repeat("(", 512), "digits": "Macintosh;" + strings.Repeat("OS 1_", 100),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ParseAgent(text)
			}
		})
	}
}
