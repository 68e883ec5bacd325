package spine

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy forwards TCP connections to wherever a server is at present, so that its address stays when the server comes back elsewhere.
type proxy struct {
	l     net.Listener
	mu    sync.Mutex
	to    string
	conns []net.Conn
}

func newProxy(t *testing.T, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, to: to}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *proxy) addr() string { return p.l.Addr().String() }

func (p *proxy) forward(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = to
}

// sever cuts everybody off: what is open now, and what will be opened, until there is somewhere to forward to again.
func (p *proxy) sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = "127.0.0.1:1"
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	p.mu.Lock()
	to := p.to
	p.conns = append(p.conns, c)
	p.mu.Unlock()
	s, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer s.Close()
	go func() {
		_, _ = io.Copy(s, c)
		_ = s.Close()
	}()
	_, _ = io.Copy(c, s)
}
