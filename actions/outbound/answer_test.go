package outbound

import (
	"strconv"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, " 7 ": 7 * time.Second, "-5": 0, "1.5": 0, "soon": 0,
		"Sat, 21 Nov 2026 10:00:30 GMT": 30 * time.Second, "Saturday, 21-Nov-26 10:01:00 GMT": time.Minute, "Sat, 21 Nov 2026 09:00:00 GMT": 0,
		"9223372036854775807": 9223372036 * time.Second, "99999999999999999999": 0,
	} {
		if got := after(s, now); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

func TestUntil(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"1795255230": 30 * time.Second, " 1795255201": time.Second, "1795255200": 0, "1795255100": 0, "": 0, "-1": 0, "soon": 0, "30": 0,
		"9223372036854775807": 0, "99999999999999999999": 0,
	} {
		if got := Until(s, now); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(429, "120")
	f.Add(503, "Sat, 21 Nov 2026 10:00:30 GMT")
	f.Add(302, "-1")
	f.Add(0, "9999999999999999999")
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, retryAfter string) {
		res := Answer(status, retryAfter, now)
		if res.RetryAfter < 0 || res.RetryAfter > 0 && res.Class != actions.Again {
			t.Errorf("%+v", res)
		}
		if (res.Class == actions.Done) != (status >= 200 && status < 300) {
			t.Errorf("status %d is %+v", status, res)
		}
		if res.Detail != strconv.Itoa(status) {
			t.Errorf("detail %q for status %d", res.Detail, status)
		}
	})
}
