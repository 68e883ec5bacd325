package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Config says how to reach Kafka.
type Config struct {
	Brokers  []string // host:port
	ClientID string
	TLS      TLS
	SASL     SASL
	// Dial opens connections, as through a proxy; nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// TLS configures encryption. CA, Cert and Key are PEM text; an empty CA means the system's roots.
type TLS struct {
	Enabled       bool
	CA, Cert, Key string
}

// SASL configures authentication. Mechanism is "", "plain", "scram-sha-256" or "scram-sha-512".
type SASL struct {
	Mechanism string
	Username  string
	Password  string
}

// Validate reports the first thing that cannot work, naming its configuration key.
func (c *Config) Validate() error {
	if len(c.Brokers) == 0 {
		return errors.New("kafka.brokers: at least one host:port is needed")
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return errors.New("kafka.tls: cert_file and key_file belong together")
	}
	_, err := c.mechanism()
	return err
}

func (c *Config) mechanism() (sasl.Mechanism, error) {
	if c.SASL.Mechanism != "" && c.SASL.Username == "" {
		return nil, errors.New("kafka.sasl.username: missing")
	}
	switch c.SASL.Mechanism {
	case "":
		return nil, nil
	case "plain":
		return plain.Mechanism{Username: c.SASL.Username, Password: c.SASL.Password}, nil
	case "scram-sha-256":
		return scram.Mechanism(scram.SHA256, c.SASL.Username, c.SASL.Password)
	case "scram-sha-512":
		return scram.Mechanism(scram.SHA512, c.SASL.Username, c.SASL.Password)
	}
	return nil, fmt.Errorf("kafka.sasl.mechanism: %q is none of plain, scram-sha-256, scram-sha-512", c.SASL.Mechanism)
}

func (c *Config) tlsConfig() (*tls.Config, error) {
	if !c.TLS.Enabled {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLS.CA != "" {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM([]byte(c.TLS.CA)) {
			return nil, errors.New("kafka.tls.ca_file: no PEM certificate in it")
		}
	}
	if c.TLS.Cert != "" {
		cert, err := tls.X509KeyPair([]byte(c.TLS.Cert), []byte(c.TLS.Key))
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.cert_file: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}

// metadataTTL is how long it takes at most to hear that a partition is led by another broker.
const metadataTTL = time.Second

// Client is a connection to one Kafka cluster, shared by all lanes of a process.
type Client struct {
	cfg       Config
	transport *kafka.Transport
	client    *kafka.Client
	dialer    *kafka.Dialer
}

// New makes a Client. It opens no connection; errors are those of the configuration.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	mech, err := cfg.mechanism()
	if err != nil {
		return nil, err
	}
	tlsConf, err := cfg.tlsConfig()
	if err != nil {
		return nil, err
	}
	if cfg.ClientID == "" {
		cfg.ClientID = "hijackd"
	}
	tr := &kafka.Transport{ClientID: cfg.ClientID, TLS: tlsConf, SASL: mech, Dial: cfg.Dial,
		MetadataTTL: metadataTTL, DialTimeout: 5 * time.Second}
	return &Client{
		cfg:       cfg,
		transport: tr,
		client:    &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: tr, Timeout: 30 * time.Second},
		dialer: &kafka.Dialer{ClientID: cfg.ClientID, Timeout: 5 * time.Second, DualStack: true, TLS: tlsConf, SASLMechanism: mech,
			DialFunc: cfg.Dial},
	}, nil
}

// Dialer is what a consumer group connects with.
func (c *Client) Dialer() *kafka.Dialer { return c.dialer }

// Brokers are the configured addresses, host:port.
func (c *Client) Brokers() []string { return c.cfg.Brokers }

// Close drops the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }
