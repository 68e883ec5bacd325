package store

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between the storer and ClickHouse, and breaks what a test wants broken.
type proxy struct {
	target string
	ln     net.Listener
	away   atomic.Bool  // connections are refused and cut
	deaf   atomic.Bool  // answers are held back
	cut    atomic.Int64 // after so many bytes from the client, drop the next answer and the connection; 0: never
	cuts   atomic.Int64 // answers dropped so far

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// through returns a proxy to the server of dsn, and the DSN that goes through it.
func through(t testing.TB, dsn string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: u.Host, ln: ln, conns: make(map[net.Conn]bool)}
	t.Cleanup(func() { _ = ln.Close(); p.hangUp() })
	go p.serve()
	u.Host = ln.Addr().String()
	return p, u.String()
}

func (p *proxy) serve() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		if p.away.Load() {
			_ = c.Close()
			continue
		}
		s, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = c.Close()
			continue
		}
		p.mu.Lock()
		p.conns[c], p.conns[s] = true, true
		p.mu.Unlock()
		var sent atomic.Int64
		go p.pass(s, c, func(n int) bool { sent.Add(int64(n)); return true })
		go p.pass(c, s, func(int) bool {
			if limit := p.cut.Load(); limit > 0 && sent.Load() >= limit {
				p.cut.Store(0)
				p.cuts.Add(1)
				return false
			}
			return !p.deaf.Load()
		})
	}
}

// pass copies until either side ends or may says no.
func (p *proxy) pass(dst, src net.Conn, may func(n int) bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if !may(n) {
				if p.deaf.Load() {
					_, _ = io.Copy(io.Discard, src)
				}
				break
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_, _ = dst.Close(), src.Close()
}

// hangUp cuts all connections.
func (p *proxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}
