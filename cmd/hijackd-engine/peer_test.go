package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// Whatever a peer sends, only its own connection ends.
func TestBadPeersDisturbNobody(t *testing.T) {
	var hello proto.Buffer
	proto.ClientHello{Name: "test", ProtocolVersion: 54460, Database: "default", User: "default"}.Encode(&hello)
	hello.PutString("") // quota key
	var old proto.Buffer
	proto.ClientHello{Name: "test", ProtocolVersion: 50000}.Encode(&old)
	noise := make([]byte, 100_000)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	for name, sent := range map[string][]byte{
		"nothing": nil, "noise": noise, "a web browser": []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"an old client": old.Buf, "hello, then noise": append(bytes.Clone(hello.Buf), noise...),
		"hello, then a query cut short": append(bytes.Clone(hello.Buf), byte(proto.ClientCodeQuery), 3, 'a'),
		"hello, then an unknown packet": append(bytes.Clone(hello.Buf), 99),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", shared.TCP)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = conn.Write(sent) // may be cut off
			_ = conn.(*net.TCPConn).CloseWrite()
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Fatal("the connection stays open")
			}
			want(t, "others go on", one[uint8](t, shared.open(t, protocols[0], "default"), "SELECT 1"), 1)
		})
	}
}

func TestBadRequestsOverHTTP(t *testing.T) {
	for _, c := range []struct {
		name, query, encoding, kind, body string
		status                            int
	}{
		{"empty", "", "", "", "", 400},
		{"not gzip", "", "gzip", "", "plain", 500},
		{"unknown encoding", "", "br", "", "x", 404},
		{"external tables", "", "", "multipart/form-data; boundary=x", "--x--", 404},
		{"not compressed blocks", "?decompress=1&query=INSERT+INTO+FUNCTION+null('x+UInt8')+FORMAT+TSV", "", "", "plain text", 500},
		{"bad data", "?query=INSERT+INTO+FUNCTION+null('x+UInt8')+FORMAT+TSV", "", "", "no number\n", 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shared.HTTP+"/"+c.query, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Encoding", c.encoding)
			request.Header.Set("Content-Type", c.kind)
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != c.status || !strings.HasPrefix(string(body), "Code: "+answer.Header.Get("X-ClickHouse-Exception-Code")) {
				t.Fatalf("got %d: %s", answer.StatusCode, body)
			}
		})
	}
	want(t, "goes on", one[string](t, shared.open(t, protocols[3], "default"), "SELECT 'x'"), "x")
}

func TestInlineDataOverHTTP(t *testing.T) {
	post := func(text string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shared.HTTP, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	table := fmt.Sprintf("inline_%d", rand.Uint32())
	for _, text := range []string{
		"CREATE TABLE " + table + " (a UInt8, b String) ENGINE = Memory",
		"INSERT INTO " + table + " FORMAT JSONEachRow {\"a\": 1, \"b\": \"x\"}\n{\"a\": 2, \"b\": \"y\"}",
		"INSERT INTO " + table + " FORMAT TSV\n3\tz\n",
		"INSERT INTO " + table + " VALUES (4, 'w')",
	} {
		if status, body := post(text); status != http.StatusOK || body != "" {
			t.Fatalf("%s: %d %s", text, status, body)
		}
	}
	_, body := post("SELECT groupArray(b) FROM (SELECT b FROM " + table + " ORDER BY a)")
	want(t, "rows", body, "['x','y','z','w']\n")
	if status, body := post("DROP TABLE " + table); status != http.StatusOK {
		t.Fatal(body)
	}
}
