package enrich

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
)

// file is a database's file as it was last seen.
type file struct {
	name, path string
	seen       os.FileInfo
	missing    bool
}

// errUnstable means that somebody was writing to the file while it was read.
var errUnstable = errors.New("the file changed while it was read; replace it by renaming a new one onto it")

// load returns a reader of the file if it is another one than last time, and good; nil and no error if it is the same.
func (f *file) load(kind int) (*maxminddb.Reader, error) {
	if f.path == "" {
		return nil, nil
	}
	info, err := os.Stat(f.path)
	if err != nil {
		if f.missing {
			return nil, nil
		}
		f.missing, f.seen = true, nil
		return nil, fmt.Errorf("geoip %s database: %w", f.name, err)
	}
	f.missing = false
	if same(info, f.seen) {
		return nil, nil
	}
	f.seen = info
	content, err := os.ReadFile(f.path)
	if err == nil {
		if after, again := os.Stat(f.path); again != nil || !same(info, after) {
			f.seen = nil
			err = errUnstable
		}
	}
	var reader *maxminddb.Reader
	if err == nil {
		reader, err = open(content, kind)
	}
	if err != nil {
		return nil, fmt.Errorf("geoip %s database %s: %w", f.name, f.path, err)
	}
	return reader, nil
}

// same reports whether two looks at a path saw one file: inode, size and time of change.
func same(a, b os.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// open checks that the content is a database of the kind, in the schema that GeoIP2 has, and that a look-up works.
func open(content []byte, kind int) (*maxminddb.Reader, error) {
	typed, err := geoip2.OpenBytes(content)
	if unknown := (geoip2.UnknownDatabaseTypeError{}); errors.As(err, &unknown) {
		return nil, fmt.Errorf("%q is no GeoIP2, GeoLite2 or DB-IP database (flat ones, as @ip-location-db has them, don't work): %w", unknown.DatabaseType, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	reader, err := maxminddb.OpenBytes(content)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	n := 0
	for network := range reader.Networks() {
		if err := smoke(typed, kind, network.Prefix().Addr()); err != nil {
			return nil, fmt.Errorf("look up: %w", err)
		}
		var r record
		if err := r.decode(kind, network); err != nil {
			return nil, fmt.Errorf("look up: %w", err)
		}
		if n++; n == 100 {
			break
		}
	}
	if n == 0 {
		return nil, errors.New("the database is empty")
	}
	return reader, nil
}

// smoke looks an address up with the method that the kind of database must have; geoip2 refuses it for every other kind.
func smoke(r *geoip2.Reader, kind int, ip netip.Addr) error {
	var err error
	switch kind {
	case city:
		_, err = r.City(ip)
	case asn:
		_, err = r.ASN(ip)
	case anonymous:
		var method geoip2.InvalidMethodError
		if _, err = r.AnonymousIP(ip); errors.As(err, &method) {
			_, err = r.AnonymousPlus(ip)
		}
	}
	return err
}
