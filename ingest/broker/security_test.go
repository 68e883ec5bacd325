package broker_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hijackd/hijackd/ingest/broker"
)

// certificate is one that signs itself, and the PEM text that trusts it.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

const password = "correct-horse-battery"

func secured(t *testing.T, opts ...kfake.Opt) string {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

func TestTLSAndEveryMechanismCarryRecords(t *testing.T) {
	cert, ca := certificate(t)
	for mechanism, theirs := range map[string]string{"": "", "plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"} {
		t.Run("mechanism "+mechanism, func(t *testing.T) {
			opts := []kfake.Opt{kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}})}
			cfg := broker.Config{TLS: broker.TLS{Enabled: true, CA: ca}}
			if mechanism != "" {
				opts = append(opts, kfake.EnableSASL(), kfake.Superuser(theirs, "ann", password))
				cfg.SASL = broker.SASL{Mechanism: mechanism, Username: "ann", Password: password}
			}
			cfg.Brokers = []string{secured(t, opts...)}
			c, err := broker.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := c.Produce(t.Context(), "t", 0, []broker.Message{{Value: []byte("v")}}); err != nil {
				t.Fatal(err)
			}
			if g := readAll(t, c, "t", 0); len(g) != 1 || g[0].value != "v" {
				t.Errorf("got %v", g)
			}
		})
	}
}

func TestARefusedConnectionSaysWhatToDoAndNoSecret(t *testing.T) {
	cert, ca := certificate(t)
	_, other := certificate(t)
	encrypted := kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}})
	sasl := []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "ann", "another"), kfake.Superuser("PLAIN", "ann", "another")}
	for name, c := range map[string]struct {
		opts []kfake.Opt
		cfg  broker.Config
		want string
	}{
		"wrong password, plain": {sasl, broker.Config{SASL: broker.SASL{Mechanism: "plain", Username: "ann", Password: password}}, "kafka.sasl.password_file"},
		"wrong password, scram": {sasl, broker.Config{SASL: broker.SASL{Mechanism: "scram-sha-256", Username: "ann", Password: password}}, "kafka.sasl.password_file"},
		"no password":           {sasl, broker.Config{}, "kafka.sasl.mechanism"},
		"untrusted authority":   {[]kfake.Opt{encrypted}, broker.Config{TLS: broker.TLS{Enabled: true, CA: other}}, "kafka.tls.ca_file"},
		"TLS to a plain one":    {nil, broker.Config{TLS: broker.TLS{Enabled: true, CA: ca}}, "kafka.tls.enabled"},
		"plain to a TLS one":    {[]kfake.Opt{encrypted}, broker.Config{}, "kafka.tls.enabled"},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Brokers = []string{realKafka(t)}
			if c.opts != nil {
				c.cfg.Brokers[0] = secured(t, c.opts...)
			}
			client, err := broker.New(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			err = client.Ping(t.Context())
			if err == nil {
				t.Fatal("the connection was taken")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.cfg.Brokers[0]) {
				t.Errorf("%q names no %s", err, c.want)
			}
			if strings.Contains(err.Error(), password) {
				t.Errorf("%q holds the password", err)
			}
			t.Log(err)
		})
	}
}

func TestConfigErrorsNameTheKey(t *testing.T) {
	one := []string{"127.0.0.1:1"}
	for want, cfg := range map[string]broker.Config{
		"kafka.brokers":        {},
		"kafka.sasl.mechanism": {Brokers: one, SASL: broker.SASL{Mechanism: "gssapi", Username: "ann", Password: password}},
		"kafka.sasl.username":  {Brokers: one, SASL: broker.SASL{Mechanism: "plain", Password: password}},
		"kafka.tls.ca_file":    {Brokers: one, TLS: broker.TLS{Enabled: true, CA: "no PEM"}},
		"kafka.tls.cert_file":  {Brokers: one, TLS: broker.TLS{Enabled: true, Cert: "no PEM", Key: "no PEM"}},
		"kafka.tls: cert_file": {Brokers: one, TLS: broker.TLS{Enabled: true, Cert: "no PEM"}},
	} {
		if _, err := broker.New(cfg); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), password) {
			t.Errorf("want an error about %s, got %v", want, err)
		}
	}
}
