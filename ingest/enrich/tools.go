package enrich

import (
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// tool is a program that is no browser in a person's hands, recognised by a part of its user agent.
type tool struct {
	mark   string
	family string
	class  schema.DeviceClass
	os     string
}

// starts are marks at the beginning of a user agent, anywhere are those wherever they stand. The first that fits counts. Sources: the programs' own
// default user agents.
//
// okhttp, Dart, Dalvik and Ktor are what Android and Flutter apps send by default, so they are mobile and not scripts: a script on a
// server that uses them is told by its network. Monitors and what previews links are bots, also where they drive a headless browser.
var (
	starts = []tool{
		{"curl/", "curl", schema.DeviceScript, ""},
		{"Wget/", "Wget", schema.DeviceScript, ""},
		{"Wget2/", "Wget", schema.DeviceScript, ""},
		{"python-requests/", "python-requests", schema.DeviceScript, ""},
		{"Python-urllib/", "python-urllib", schema.DeviceScript, ""},
		{"python-urllib3/", "python-urllib3", schema.DeviceScript, ""},
		{"python-httpx/", "python-httpx", schema.DeviceScript, ""},
		{"Python/", "Python", schema.DeviceScript, ""},
		{"Scrapy/", "Scrapy", schema.DeviceScript, ""},
		{"Go-http-client/", "Go-http-client", schema.DeviceScript, ""},
		{"go-resty/", "go-resty", schema.DeviceScript, ""},
		{"Java/", "Java", schema.DeviceScript, ""},
		{"Java-http-client/", "Java", schema.DeviceScript, ""},
		{"Apache-HttpClient/", "Apache-HttpClient", schema.DeviceScript, ""},
		{"libwww-perl/", "libwww-perl", schema.DeviceScript, ""},
		{"lwp-request/", "libwww-perl", schema.DeviceScript, ""},
		{"Ruby", "Ruby", schema.DeviceScript, ""},
		{"Faraday ", "Faraday", schema.DeviceScript, ""},
		{"GuzzleHttp/", "Guzzle", schema.DeviceScript, ""},
		{"axios/", "axios", schema.DeviceScript, ""},
		{"node-fetch/", "node-fetch", schema.DeviceScript, ""},
		{"undici", "undici", schema.DeviceScript, ""},
		{"got ", "got", schema.DeviceScript, ""},
		{"got/", "got", schema.DeviceScript, ""},
		{"Deno/", "Deno", schema.DeviceScript, ""},
		{"Bun/", "Bun", schema.DeviceScript, ""},
		{"reqwest/", "reqwest", schema.DeviceScript, ""},
		{"HTTPie/", "HTTPie", schema.DeviceScript, ""},
		{"PostmanRuntime/", "Postman", schema.DeviceScript, ""},
		{"insomnia/", "Insomnia", schema.DeviceScript, ""},
		{"sqlmap/", "sqlmap", schema.DeviceScript, ""},
		{"curl ", "curl", schema.DeviceScript, ""},
		{"libcurl", "curl", schema.DeviceScript, ""},
		{"Wget", "Wget", schema.DeviceScript, ""},
		{"node-superagent/", "superagent", schema.DeviceScript, ""},
		{"superagent/", "superagent", schema.DeviceScript, ""},
		{"Symfony HttpClient", "Symfony HttpClient", schema.DeviceScript, ""},
		{"Mechanize/", "Mechanize", schema.DeviceScript, ""},
		{"http.rb/", "http.rb", schema.DeviceScript, ""},
		{"rest-client/", "rest-client", schema.DeviceScript, ""},
		{"RestSharp/", "RestSharp", schema.DeviceScript, ""},
		{"xh/", "xh", schema.DeviceScript, ""},
		{"aria2/", "aria2", schema.DeviceScript, ""},
		{"hackney/", "hackney", schema.DeviceScript, ""},
		{"httpx ", "httpx", schema.DeviceScript, ""},
		{"hyper/", "hyper", schema.DeviceScript, ""},
		{"ureq/", "ureq", schema.DeviceScript, ""},
		{"fasthttp", "fasthttp", schema.DeviceScript, ""},
		{"Nuclei ", "Nuclei", schema.DeviceScript, ""},
		{"k6/", "k6", schema.DeviceScript, ""},
		{"okhttp/", "okhttp", schema.DeviceMobile, ""},
		{"Dart/", "Dart", schema.DeviceMobile, ""},
		{"Dalvik/", "Dalvik", schema.DeviceMobile, "Android"},
		{"ktor-client", "Ktor", schema.DeviceMobile, ""},
		{"Pingdom", "Pingdom", schema.DeviceBot, ""},
		{"Datadog/Synthetics", "Datadog Synthetics", schema.DeviceBot, ""},
		{"GoogleStackdriverMonitoring", "Google Cloud Monitoring", schema.DeviceBot, ""},
		{"Better Uptime", "Better Uptime", schema.DeviceBot, ""},
		{"Better Stack", "Better Uptime", schema.DeviceBot, ""},
		{"Uptime-Kuma/", "Uptime Kuma", schema.DeviceBot, ""},
		{"Blackbox Exporter/", "Blackbox Exporter", schema.DeviceBot, ""},
		{"Prometheus/", "Prometheus", schema.DeviceBot, ""},
		{"kube-probe/", "kube-probe", schema.DeviceBot, ""},
		{"ELB-HealthChecker/", "ELB-HealthChecker", schema.DeviceBot, ""},
		{"GoogleHC/", "GoogleHC", schema.DeviceBot, ""},
		{"StatusCake", "StatusCake", schema.DeviceBot, ""},
		{"Site24x7", "Site24x7", schema.DeviceBot, ""},
		{"Checkly/", "Checkly", schema.DeviceBot, ""},
		{"Slackbot", "Slackbot", schema.DeviceBot, ""},
		{"Slack-ImgProxy", "Slackbot", schema.DeviceBot, ""},
		{"Twitterbot/", "Twitterbot", schema.DeviceBot, ""},
		{"WhatsApp/", "WhatsApp", schema.DeviceBot, ""},
		{"TelegramBot", "TelegramBot", schema.DeviceBot, ""},
		{"LinkedInBot/", "LinkedInBot", schema.DeviceBot, ""},
		{"SkypeUriPreview", "Skype preview", schema.DeviceBot, ""},
	}
	anywhere = []tool{
		{"aiohttp/", "aiohttp", schema.DeviceScript, ""},
		{"CloudWatchSynthetics", "CloudWatch Synthetics", schema.DeviceBot, ""},
		{"DatadogSynthetics", "Datadog Synthetics", schema.DeviceBot, ""},
		{"Chrome-Lighthouse", "Lighthouse", schema.DeviceBot, ""},
		{"UptimeRobot/", "UptimeRobot", schema.DeviceBot, ""},
		{"facebookexternalhit/", "facebookexternalhit", schema.DeviceBot, ""},
		{"Discordbot/", "Discordbot", schema.DeviceBot, ""},
		{"Google-Apps-Script", "Google Apps Script", schema.DeviceScript, ""},
		{"Nmap Scripting Engine", "Nmap", schema.DeviceScript, ""},
		{"HeadlessChrome", "Headless Chrome", schema.DeviceScript, ""},
		{"PhantomJS/", "PhantomJS", schema.DeviceScript, ""},
		{"Puppeteer", "Puppeteer", schema.DeviceScript, ""},
		{"Playwright", "Playwright", schema.DeviceScript, ""},
		{"Selenium", "Selenium", schema.DeviceScript, ""},
		{"WindowsPowerShell/", "PowerShell", schema.DeviceScript, "Windows"},
		{"PowerShell/", "PowerShell", schema.DeviceScript, ""},
	}
	// systems are looked for in the user agents of tools that name one.
	systems = []struct{ mark, os string }{
		{"Windows", "Windows"}, {"Android", "Android"}, {"Macintosh", "macOS"}, {"iPhone", "iOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}, {"linux", "Linux"},
	}
)

// parseTool recognises tools, and apps that use the networking of Apple's systems.
func parseTool(text string) (schema.Agent, bool) {
	for _, t := range anywhere {
		if i := strings.Index(text, t.mark); i >= 0 {
			return t.agent(text, i), true
		}
	}
	for _, t := range starts {
		if strings.HasPrefix(text, t.mark) {
			return t.agent(text, 0), true
		}
	}
	if strings.Contains(text, " CFNetwork/") && strings.Contains(text, " Darwin/") {
		a := schema.Agent{Family: product(text), OS: "iOS", Major: major(text[strings.IndexByte(text, '/')+1:]), Class: schema.DeviceMobile}
		if strings.Contains(text, "x86_64") {
			a.OS, a.Class = "macOS", schema.DeviceDesktop
		}
		return a, true
	}
	return schema.Agent{}, false
}

func (t tool) agent(text string, i int) schema.Agent {
	a := schema.Agent{Family: t.family, OS: t.os, Class: t.class, Major: major(strings.TrimPrefix(text[i+len(t.mark):], "/"))}
	for _, s := range systems {
		if a.OS == "" && strings.Contains(text, s.mark) {
			a.OS = s.os
		}
	}
	return a
}

// major is the number that a version begins with, 0 where there is none or it is out of range.
func major(version string) (v uint16) {
	for i := range len(version) {
		d := version[i] - '0'
		if d > 9 {
			break
		}
		if i == 4 {
			return 0
		}
		v = v*10 + uint16(d)
	}
	return v
}
