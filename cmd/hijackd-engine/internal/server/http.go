package server

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/hijackd/hijackd/cmd/hijackd-engine/internal/libchdb"
)

// HTTP serves the HTTP interface: queries and inserts in any format of the engine.
// It keeps no sessions between requests and takes no external tables.
type HTTP struct{ engine *Engine }

// NewHTTP returns a handler of the HTTP interface on an engine.
func NewHTTP(e *Engine) *HTTP { return &HTTP{engine: e} }

// driverHello is what clickhouse-go asks first over HTTP.
const driverHello = "SELECT displayName(), version(), revision(), timezone()"

// notSettings are the parameters of a request that the interface itself understands; all others are settings.
var notSettings = map[string]bool{"database": true, "default_format": true, "query": true, "query_id": true, "compress": true,
	"decompress": true, "client_protocol_version": true, "quota_key": true, "user": true, "password": true, "role": true,
	"stacktrace": true, "buffer_size": true, "wait_end_of_query": true, "enable_http_compression": true,
	"network_compression_method": true, "network_zstd_compression_level": true}

// request is one statement over HTTP.
type request struct {
	*session
	http        *http.Request
	answer      http.ResponseWriter
	text        string
	format      string
	params      map[string]string
	body        io.Reader
	compression *compress.Writer // nil: none
}

func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ping" {
		_, _ = io.WriteString(w, "Ok.\n")
		return
	}
	if err := h.serve(w, r); err != nil {
		code := exceptionCode(err)
		w.Header().Set("X-ClickHouse-Exception-Code", fmt.Sprint(code))
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		w.WriteHeader(httpStatus(code))
		_, _ = fmt.Fprintf(w, "%s (version %s)\n", err, h.engine.Version)
	}
}

// serve returns an error only where nothing has been answered yet.
func (h *HTTP) serve(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	req := &request{http: r, answer: w, format: query.Get("default_format"), params: map[string]string{}}
	if req.format == "" {
		req.format = "TabSeparated"
	}
	header := w.Header()
	header.Set("X-ClickHouse-Server-Display-Name", displayName)
	header.Set("X-ClickHouse-Timezone", h.engine.Timezone)
	header.Set("X-ClickHouse-Format", req.format)
	header.Set("X-ClickHouse-Query-Id", query.Get("query_id"))
	if query.Get("compress") == "1" {
		method := compress.LZ4
		if strings.EqualFold(query.Get("network_compression_method"), "zstd") {
			method = compress.ZSTD
		}
		req.compression = compress.NewWriter(compress.LevelZero, method)
	}
	if err := req.read(query); err != nil {
		return err
	}
	if req.text == driverHello && query.Has("client_protocol_version") {
		return req.write(h.hello())
	}
	settings := req.arguments(query)
	s, err := h.engine.session(query.Get("database"))
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.set(settings); err != nil {
		return err
	}
	req.session = s
	if head, format, ok := dataInsert(req.text); ok {
		return req.insert(head, format)
	}
	return req.run(r.Context())
}

// arguments sorts the request's parameters into those of the statement and settings.
func (r *request) arguments(query url.Values) (settings []setting) {
	for name, values := range query {
		if param, ok := strings.CutPrefix(name, "param_"); ok {
			r.params[param] = values[0]
		} else if !notSettings[name] {
			settings = append(settings, setting{name, values[0]})
		}
	}
	return settings
}

// read finds the statement and its data: with a query parameter the body is data, else it is the statement.
func (r *request) read(query url.Values) error {
	r.body = r.http.Body
	switch encoding := r.http.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(r.body)
		if err != nil {
			return exception(codeCannotReadData, "the body is not gzip: %v", err)
		}
		r.body = z
	default:
		return exception(codeNotImplemented, "the embedded engine does not read Content-Encoding %s", encoding)
	}
	if strings.HasPrefix(r.http.Header.Get("Content-Type"), "multipart/form-data") {
		return exception(codeNotImplemented, "the embedded engine takes no external tables over HTTP: use the native protocol")
	}
	if query.Get("decompress") == "1" {
		r.body = compress.NewReader(r.body)
	}
	if r.text = query.Get("query"); r.text != "" {
		return nil
	}
	text, err := io.ReadAll(r.body)
	if err != nil {
		return exception(codeCannotReadData, "read the statement: %v", err)
	}
	if r.text, r.body = strings.TrimSpace(string(text)), http.NoBody; r.text == "" {
		return exception(codeSyntaxError, "Empty query")
	}
	return nil
}

// hello answers clickhouse-go's first query. The driver reads this block at its own revision and every later one at the
// revision that it finds in it: 0 means plain Native, as the engine writes it.
func (h *HTTP) hello() []byte {
	var b proto.Buffer
	proto.BlockInfo{BucketNum: -1}.Encode(&b)
	b.PutUVarInt(4)
	b.PutUVarInt(1)
	for _, c := range []struct {
		columnType
		text string
	}{
		{columnType{"displayName()", "String"}, displayName}, {columnType{"version()", "String"}, h.engine.Version},
		{columnType{"revision()", "UInt32"}, ""}, {columnType{"timezone()", "String"}, h.engine.Timezone},
	} {
		b.PutString(c.name)
		b.PutString(c.typ)
		b.PutBool(false)
		if c.typ == "UInt32" {
			b.PutUInt32(0)
		} else {
			b.PutString(c.text)
		}
	}
	return b.Buf
}

func (r *request) write(data []byte) error {
	if r.compression != nil {
		return writeFrames(r.answer, r.compression, data)
	}
	_, err := r.answer.Write(data)
	return err
}

func (r *request) insert(head, format string) error {
	ins, err := r.Insert(head, format, r.params)
	if err != nil {
		return err
	}
	defer ins.Close()
	buffer := make([]byte, 1<<20)
	for {
		n, err := r.body.Read(buffer)
		if ins.Append(buffer[:n]) != nil {
			break // Done tells the reason
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // among them data that is cut short, which must not be taken for whole
			ins.Cancel()
			return exception(codeCannotReadData, "read the data: %v", err)
		}
	}
	stats, err := ins.Done()
	if err != nil {
		return err
	}
	r.summary(stats)
	return nil
}

func (r *request) summary(s libchdb.Stats) {
	r.answer.Header().Set("X-ClickHouse-Summary", fmt.Sprintf(
		`{"read_rows":"%d","read_bytes":"%d","written_rows":"%d","written_bytes":"%d","result_rows":"%d"}`,
		s.ReadRows, s.ReadBytes, s.WrittenRows, s.WrittenBytes, s.ResultRows))
}

func (r *request) run(ctx context.Context) error {
	tag := rand.Text()[:16]
	r.answer.Header().Set("X-ClickHouse-Exception-Tag", tag)
	release, err := r.killOn(ctx)
	if err != nil {
		return err
	}
	defer release()
	result, err := r.start(r.text, r.format, r.params)
	if err != nil {
		return err
	}
	defer result.close()
	for first := true; ; first = false {
		chunk, err := result.next()
		switch {
		case err != nil && first:
			return err
		case err != nil:
			r.interrupt(tag, err)
			return nil
		case chunk == nil:
			return nil
		case first:
			r.summary(chunk.Stats)
		}
		err = r.write(chunk.Data)
		chunk.Free()
		if err != nil {
			return nil //nolint:nilerr // the client is gone, and nobody is left to be told
		}
	}
}

// interrupt tells of an error in the middle of a result, in the frame that drivers look for.
func (r *request) interrupt(tag string, err error) {
	message := err.Error() + "\n"
	frame := fmt.Sprintf("\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n", tag, message, len(message), tag)
	if r.compression != nil { // the driver looks for the marker in the raw bytes
		r.compression = compress.NewWriter(compress.LevelZero, compress.None)
	}
	_ = r.write([]byte(frame))
}
