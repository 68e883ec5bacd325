// Package outbound makes the HTTP clients of all destinations and judges what comes back.
//
// It refuses to follow redirects, to use a proxy from the environment, to connect to link-local and metadata addresses (and to private
// ones unless allowed, judged by the address that the name resolved to), to speak TLS older than 1.2, to read more than 64 KiB of an
// answer, and to put a URL, a header or a peer's text into a result.
package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// MaxAnswer is how many bytes of an answer's body are read.
const MaxAnswer = 64 << 10

// Config is what destinations have in common.
type Config struct {
	Timeout      time.Duration // of one request, 100 ms to 1 min
	AllowPrivate bool          // lets it connect to private and loopback addresses
	CA           string        // PEM of the authorities to trust; empty: the system's
	Cert, Key    string        // PEM of the client's certificate and its key; empty: none is shown
}

const shown = "[configuration of a client]"

// Format keeps the key out of whatever a Config is printed into.
func (Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, shown) }

// MarshalText is Format: encoding/json, and so slog, would otherwise walk the fields.
func (Config) MarshalText() ([]byte, error) { return []byte(shown), nil }

// Validate returns every mistake, each naming its key in section ("actions.revoke") and none quoting what a file holds.
func (c Config) Validate(section string) error {
	var errs []error
	if c.Timeout < 100*time.Millisecond || c.Timeout > time.Minute {
		errs = append(errs, fmt.Errorf("%s.timeout: %s is not between 100ms and 1m", section, c.Timeout))
	}
	if _, err := c.authorities(); err != nil {
		errs = append(errs, fmt.Errorf("%s.ca_file: %w", section, err))
	}
	switch {
	case c.Cert == "" && c.Key != "":
		errs = append(errs, fmt.Errorf("%s.cert_file: missing, while key_file is set", section))
	case c.Cert != "" && c.Key == "":
		errs = append(errs, fmt.Errorf("%s.key_file: missing, while cert_file is set", section))
	default:
		if _, err := c.certificates(); err != nil {
			errs = append(errs, fmt.Errorf("%s.cert_file: %w", section, err))
		}
	}
	return errors.Join(errs...)
}

// CheckURL says what is wrong with a destination's URL, without quoting it: it may hold a password.
func CheckURL(s string, allowPrivate bool) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("neither http nor https")
	case u.Hostname() == "":
		return errors.New("no host")
	case u.Scheme == "http" && !allowPrivate:
		return errors.New("http is for private networks: use https or set allow_private")
	}
	return nil
}

// Client returns a client that has connected to nothing yet.
func Client(c Config) (*http.Client, error) {
	roots, err := c.authorities()
	if err != nil {
		return nil, err
	}
	certs, err := c.certificates()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: c.Timeout, Control: control(c.AllowPrivate)}
	return &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext, // Proxy stays nil: none from the environment
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: certs},
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: MaxAnswer,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        time.Minute,
			TLSHandshakeTimeout:    c.Timeout,
		},
	}, nil
}

func (c Config) authorities() (*x509.CertPool, error) {
	if c.CA == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(c.CA)) {
		return nil, errors.New("holds no PEM certificate")
	}
	return pool, nil
}

func (c Config) certificates() ([]tls.Certificate, error) {
	if c.Cert == "" {
		return nil, nil
	}
	pair, err := tls.X509KeyPair([]byte(c.Cert), []byte(c.Key))
	if err != nil { // not wrapped: nothing that touched the key goes any further
		return nil, errors.New("with key_file is no PEM certificate and its key")
	}
	return []tls.Certificate{pair}, nil
}

// Reply is an answer, whatever its status.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte // at most MaxAnswer bytes
	Cut    bool   // the body went on, or broke off; the status stands nevertheless
}

// Do makes one request and reads its answer. An error is for Failure to name: its text may hold the URL.
func Do(c *http.Client, req *http.Request) (Reply, error) {
	resp, err := c.Do(req) // #nosec G704 -- URLs come from the configuration alone, and the dialer checks the address
	if err != nil {
		return Reply{}, err
	}
	defer func() { _ = resp.Body.Close() }() // the status has been read: nothing that follows changes the outcome
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	cut := err != nil || len(body) > MaxAnswer
	return Reply{Status: resp.StatusCode, Header: resp.Header, Body: body[:min(len(body), MaxAnswer)], Cut: cut}, nil
}
