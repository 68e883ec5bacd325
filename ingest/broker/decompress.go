package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// maxArena bounds what one fetch may decompress to, in bytes: a few kilobytes of zeros must not fill the memory.
const maxArena = 32 << 20

var (
	errLimit = errors.New("decompression limit")
	errCodec = errors.New("unknown codec")
	errFrame = errors.New("compression")
)

// arena holds everything that one fetch decompressed, so that its records stay valid until the next one.
type arena struct {
	buf  []byte
	zstd *zstd.Decoder
	gzip *gzip.Reader
	lz4  *lz4.Reader
}

// reset forgets the content. Earlier arrays that the buffer outgrew stay valid as long as something refers to them.
func (a *arena) reset() { a.buf = a.buf[:0] }

// decompress returns the plain form of one batch's records: errLimit, errCodec or errFrame otherwise.
func (a *arena) decompress(codec uint16, in []byte) ([]byte, error) {
	start := len(a.buf)
	var err error
	switch codec {
	case 0:
		return in, nil
	case 1:
		err = a.gunzip(in)
	case 2:
		err = a.snappy(in)
	case 3:
		err = a.lz4Frame(in)
	case 4:
		err = a.zstandard(in)
	default:
		return nil, errCodec
	}
	if err != nil {
		a.buf = a.buf[:start]
		if errors.Is(err, errLimit) || errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
			return nil, errLimit
		}
		return nil, errFrame
	}
	return a.buf[start:len(a.buf):len(a.buf)], nil
}

// room makes space for n more bytes at the end of the arena.
func (a *arena) room(n int) error {
	if len(a.buf)+n > maxArena {
		return errLimit
	}
	if cap(a.buf)-len(a.buf) < n {
		grown := make([]byte, len(a.buf), min(maxArena, 2*cap(a.buf)+n))
		copy(grown, a.buf)
		a.buf = grown
	}
	return nil
}

// copyFrom appends everything that r yields.
func (a *arena) copyFrom(r io.Reader) error {
	for {
		if len(a.buf) == maxArena {
			if n, err := r.Read(make([]byte, 1)); n > 0 || err == nil {
				return errLimit
			}
			return nil
		}
		if err := a.room(min(64<<10, maxArena-len(a.buf))); err != nil {
			return err
		}
		n, err := r.Read(a.buf[len(a.buf):cap(a.buf)])
		a.buf = a.buf[:len(a.buf)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (a *arena) gunzip(in []byte) (err error) {
	if a.gzip == nil {
		a.gzip = new(gzip.Reader)
	}
	if err := a.gzip.Reset(bytes.NewReader(in)); err != nil {
		return err
	}
	return a.copyFrom(a.gzip)
}

func (a *arena) zstandard(in []byte) (err error) {
	if a.zstd == nil {
		a.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxArena))
		if err != nil {
			return err
		}
	}
	out, err := a.zstd.DecodeAll(in, a.buf)
	if err != nil {
		return err
	}
	if len(out) > maxArena {
		return errLimit
	}
	a.buf = out
	return nil
}

// snappy reads Java's framing (xerial: magic, two versions, length-prefixed blocks) and the raw block that librdkafka writes.
func (a *arena) snappy(in []byte) error {
	magic := []byte("\x82SNAPPY\x00")
	if !bytes.HasPrefix(in, magic) {
		return a.snappyBlock(in)
	}
	if len(in) < 16 {
		return errFrame
	}
	for in = in[16:]; len(in) > 0; {
		if len(in) < 4 {
			return errFrame
		}
		n := int(binary.BigEndian.Uint32(in))
		if in = in[4:]; n > len(in) {
			return errFrame
		}
		if err := a.snappyBlock(in[:n]); err != nil {
			return err
		}
		in = in[n:]
	}
	return nil
}

func (a *arena) snappyBlock(in []byte) error {
	n, err := snappy.DecodedLen(in)
	if err != nil {
		return err
	}
	if err := a.room(n); err != nil {
		return err
	}
	out, err := snappy.Decode(a.buf[len(a.buf):len(a.buf)+n], in)
	if err != nil {
		return err
	}
	a.buf = a.buf[:len(a.buf)+len(out)]
	return nil
}
