package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/segmentio/kafka-go"
)

// advise says which setting to look at, where a connection failed in a way that one explains.
func (c *Config) advise(err error) error {
	advice := ""
	switch {
	case errors.Is(err, kafka.SASLAuthenticationFailed):
		advice = "check kafka.sasl.username and kafka.sasl.password_file"
	case errors.Is(err, kafka.UnsupportedSASLMechanism), errors.Is(err, kafka.IllegalSASLState):
		advice = "check kafka.sasl.mechanism"
	case is[x509.UnknownAuthorityError](err):
		advice = "name the authority that signed the broker's certificate in kafka.tls.ca_file"
	case is[x509.HostnameError](err):
		advice = "the broker's certificate is for other names: use one of them in kafka.brokers"
	case is[tls.RecordHeaderError](err):
		advice = "the listener seems not to speak TLS: check kafka.tls.enabled and the port"
	case is[tls.AlertError](err):
		advice = "the broker refused TLS: check kafka.tls.cert_file and kafka.tls.key_file"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		advice = "the broker hung up: check the port, kafka.tls.enabled and kafka.sasl.mechanism"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		advice = "no answer in time: check the address, firewalls and kafka.tls.enabled"
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
