package outbound

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
)

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func client(t *testing.T, c Config) *http.Client {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	made, err := Client(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.CloseIdleConnections)
	return made
}

func TestDoReadsAtMostTheCap(t *testing.T) {
	for size, cut := range map[int]bool{0: false, 5: false, MaxAnswer: false, MaxAnswer + 1: true, 10 * MaxAnswer: true} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Kind", "test")
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write(bytes.Repeat([]byte("x"), size))
		}))
		reply, err := Do(client(t, Config{AllowPrivate: true}), request(t, s.URL))
		if err != nil || reply.Status != 202 || len(reply.Body) != min(size, MaxAnswer) || reply.Cut != cut || reply.Header.Get("X-Kind") != "test" {
			t.Errorf("%d bytes: %d, %d bytes, cut %v, %v", size, reply.Status, len(reply.Body), reply.Cut, err)
		}
		s.Close()
	}
}

func TestAStatusStandsThoughItsBodyBreaksOff(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
	}))
	defer s.Close()
	reply, err := Do(client(t, Config{AllowPrivate: true}), request(t, s.URL))
	if err != nil || reply.Status != 200 || string(reply.Body) != "half" || !reply.Cut {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestFailures(t *testing.T) {
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = refusing.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)
	bare := strings.TrimPrefix(plain.URL, "http://")
	for name, tc := range map[string]struct {
		url  string
		cfg  Config
		want string
	}{
		"refused":           {"http://canary:canary@" + refusing.Addr().String(), Config{AllowPrivate: true}, "connection refused"},
		"private":           {"http://canary:canary@" + bare, Config{}, "address not allowed: link-local, metadata, or private without allow_private"},
		"metadata":          {"http://canary:canary@169.254.169.254", Config{AllowPrivate: true}, "address not allowed: link-local, metadata, or private without allow_private"},
		"no TLS":            {"https://canary:canary@" + bare, Config{AllowPrivate: true}, "the receiver does not speak TLS"},
		"unknown authority": {secure.URL + "/canary", Config{AllowPrivate: true}, "the certificate does not verify"},
		"slow":              {slow.URL + "/canary", Config{AllowPrivate: true, Timeout: 100 * time.Millisecond}, "timeout"},
		"no such name":      {"http://canary.invalid/canary", Config{}, "the host name does not resolve"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Do(client(t, tc.cfg), request(t, tc.url))
			if err == nil {
				t.Fatal("it answered")
			}
			if res := Failure(err); res != (actions.Result{Class: actions.Again, Detail: tc.want}) {
				t.Errorf("got %+v, want %q", res, tc.want)
			}
		})
	}
}

func TestRedirectsAndProxiesAreNotFollowed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	reply, err := Do(client(t, Config{AllowPrivate: true}), request(t, s.URL))
	if err != nil || reply.Status != http.StatusTemporaryRedirect {
		t.Errorf("%d, %v", reply.Status, err)
	}
}

// identity is a self-signed certificate and its key as PEM.
func identity(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hijackd"}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func TestMutualTLS(t *testing.T) {
	cert, key := identity(t)
	other, otherKey := identity(t)
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM([]byte(cert))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	defer s.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	reply, err := Do(client(t, Config{AllowPrivate: true, CA: ca, Cert: cert, Key: key}), request(t, s.URL))
	if err != nil || reply.Status != 200 {
		t.Errorf("with the certificate: %d, %v", reply.Status, err)
	}
	for name, c := range map[string]Config{
		"without one": {AllowPrivate: true, CA: ca}, "with another": {AllowPrivate: true, CA: ca, Cert: other, Key: otherKey},
		"without the authority": {AllowPrivate: true, Cert: cert, Key: key},
	} {
		if reply, err := Do(client(t, c), request(t, s.URL)); err == nil {
			t.Errorf("%s: %d", name, reply.Status)
		}
	}
}

func TestValidate(t *testing.T) {
	cert, key := identity(t)
	_, otherKey := identity(t)
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"good":              {Config{Timeout: time.Second, CA: cert, Cert: cert, Key: key}, ""},
		"too quick":         {Config{Timeout: time.Millisecond}, "x.timeout: 1ms is not between 100ms and 1m"},
		"no authority":      {Config{Timeout: time.Second, CA: "canary"}, "x.ca_file: holds no PEM certificate"},
		"key alone":         {Config{Timeout: time.Second, Key: key}, "x.cert_file: missing, while key_file is set"},
		"certificate alone": {Config{Timeout: time.Second, Cert: cert}, "x.key_file: missing, while cert_file is set"},
		"another key":       {Config{Timeout: time.Second, Cert: cert, Key: otherKey}, "x.cert_file: with key_file is no PEM certificate and its key"},
		"no certificate":    {Config{Timeout: time.Second, Cert: "canary", Key: "canary"}, "x.cert_file: with key_file is no PEM certificate and its key"},
	} {
		err := tc.cfg.Validate("x")
		if got := fmt.Sprint(err); (tc.want != "" || err != nil) && got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		if _, made := Client(tc.cfg); tc.want != "" && !strings.Contains(tc.want, "timeout") && !strings.Contains(tc.want, "missing, while key_file") && made == nil {
			t.Errorf("%s: a client is made", name)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for url, want := range map[string]string{
		"http://a.example/": "http is for private networks: use https or set allow_private", "ftp://canary:canary@a": "neither http nor https",
		"https://": "no host", "://canary": "not a URL", "https://canary:port@a:b": "not a URL", "": "neither http nor https",
	} {
		if got := CheckURL(url, false); fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %q", url, got, want)
		}
	}
	if err := errors.Join(CheckURL("http://a.example/", true), CheckURL("https://a.example/", false)); err != nil {
		t.Error(err)
	}
}
