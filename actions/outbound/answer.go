package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hijackd/hijackd/actions"
)

// Answer judges an HTTP answer by its status alone (actions.ClassOf); no text of the peer's goes any further. retryAfter is the header
// of that name (RFC 9110, 10.2.3), which counts only where the class is Again.
func Answer(status int, retryAfter string, now time.Time) actions.Result {
	res := actions.Result{Class: actions.ClassOf(status), Detail: strconv.Itoa(status)}
	if res.Class == actions.Again {
		res.RetryAfter = after(retryAfter, now)
	}
	return res
}

// after reads a Retry-After header (RFC 9110, 10.2.3): seconds or an HTTP date; 0 for what is neither, or past.
func after(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseUint(s, 10, 63); err == nil {
		return time.Duration(min(n, math.MaxInt64/uint64(time.Second))) * time.Second // #nosec G115 -- bounded by the min
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// Failure names the error of a request in words of our own: its text may hold the URL, with its userinfo. The request may have taken
// effect, so the class is Again.
func Failure(err error) actions.Result {
	res := actions.Result{Class: actions.Again, Detail: "network error"}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, errForbidden):
		res.Detail = "address not allowed: link-local, metadata, or private without allow_private"
	case errors.Is(err, context.Canceled):
		res.Detail = "stopped"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		res.Detail = "timeout"
	case errors.As(err, &dns):
		res.Detail = "the host name does not resolve"
	case errors.As(err, &cert), errors.As(err, &unknown):
		res.Detail = "the certificate does not verify"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		res.Detail = "the receiver does not speak TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		res.Detail = "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		res.Detail = "connection reset"
	}
	return res
}

// Until reads a header that says when a rate limit ends as Unix seconds (Okta, Auth0); 0 for what is no number, or past.
func Until(s string, now time.Time) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 || n > math.MaxUint32 {
		return 0
	}
	return max(0, time.Unix(n, 0).Sub(now))
}
