package enrich

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/hijackd/hijackd/schema"
)

// Config names the GeoIP databases. An empty path is a database that one doesn't have.
type Config struct {
	City      string // GeoLite2-City, GeoIP2-City, DBIP-City-Lite and alike
	ASN       string // GeoLite2-ASN, GeoIP2-ISP, DBIP-ASN-Lite and alike
	Anonymous string // GeoIP2-Anonymous-IP or GeoIP-Anonymous-Plus
	// Trusted are the operator's own networks (policy.trusted_networks): corporate, whatever else is known.
	Trusted []netip.Prefix
	// Every is how often the files are looked at for a replacement; 5 s where zero.
	Every time.Duration
}

// Validate reports what is wrong with the configuration, without opening a file.
func (c Config) Validate() error {
	for _, p := range c.Trusted {
		if !p.IsValid() {
			return errors.New("trusted networks: an invalid prefix")
		}
	}
	if c.Every < 0 {
		return errors.New("the interval of looking for new databases is negative")
	}
	return nil
}

// Version describes a database in use.
type Version struct {
	Name  string // city, asn or anonymous
	Type  string // the database's own type, "GeoLite2-City"
	Built time.Time
}

// Databases are the GeoIP databases that all lanes share. They are read into memory (a database takes its size in memory, twice
// while it is being replaced): what is mapped would kill the process when somebody overwrites the file in place. All methods are safe for
// concurrent use.
type Databases struct {
	log      *slog.Logger
	every    time.Duration
	current  atomic.Pointer[generation]
	failures atomic.Int64

	loading sync.Mutex
	files   [numFiles]file
}

// The databases.
const (
	city = iota
	asn
	anonymous
	numFiles
)

// generation is a set of databases that belong together. It never changes, so whoever holds it may read it; the collector frees it.
type generation struct {
	readers  [numFiles]*maxminddb.Reader
	networks networks
	trusted  []netip.Prefix
}

// NewDatabases returns databases of which none is loaded yet.
func NewDatabases(c Config, log *slog.Logger) *Databases {
	d := &Databases{log: log, every: c.Every}
	if d.every == 0 {
		d.every = 5 * time.Second
	}
	d.files = [numFiles]file{{name: "city", path: c.City}, {name: "asn", path: c.ASN}, {name: "anonymous", path: c.Anonymous}}
	d.current.Store(&generation{networks: shippedNetworks(), trusted: masked(c.Trusted)})
	return d
}

// Load reads the files that are new or were replaced. One that can't be used is an error and is counted; the database that was there
// before stays, and the others are loaded nevertheless. A file is not tried again until it changes.
func (d *Databases) Load() error {
	d.loading.Lock()
	defer d.loading.Unlock()
	next := *d.current.Load()
	changed := false
	var errs []error
	for i := range d.files {
		reader, err := d.files[i].load(i)
		if err != nil {
			d.failures.Add(1)
			errs = append(errs, err)
		}
		if reader != nil {
			next.readers[i], changed = reader, true
		}
	}
	if changed {
		d.current.Store(&next)
	}
	return errors.Join(errs...)
}

// Watch looks for replaced files until ctx ends.
func (d *Databases) Watch(ctx context.Context) {
	tick := time.NewTicker(d.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			before := d.current.Load()
			if err := d.Load(); err != nil {
				d.log.Error("geoip database refused, the old one stays", slog.Any("error", err))
			}
			if d.current.Load() != before {
				for _, v := range d.Versions() {
					d.log.Info("geoip database in use", slog.String("database", v.Name), slog.String("type", v.Type), slog.Time("built", v.Built))
				}
			}
		}
	}
}

// SetTrusted replaces the operator's own networks.
func (d *Databases) SetTrusted(networks []netip.Prefix) {
	d.loading.Lock()
	defer d.loading.Unlock()
	next := *d.current.Load()
	next.trusted = masked(networks)
	d.current.Store(&next)
}

// Versions describes the databases in use.
func (d *Databases) Versions() []Version {
	var all []Version
	for i, r := range d.current.Load().readers {
		if r != nil {
			all = append(all, Version{Name: d.files[i].name, Type: r.Metadata.DatabaseType, Built: r.Metadata.BuildTime().UTC()})
		}
	}
	return all
}

// Built says when the databases in use were built, for people to read: "city 2026-11-18, asn 2026-11-18"; empty where there are none.
func (d *Databases) Built() string {
	var all []string
	for _, v := range d.Versions() {
		all = append(all, v.Name+" "+v.Built.Format(time.DateOnly))
	}
	return strings.Join(all, ", ")
}

// Failures counts the files that could not be used so far.
func (d *Databases) Failures() int64 { return d.failures.Load() }

// Lookup is what the databases and trusted networks say about an address, without a cache.
func (d *Databases) Lookup(ip netip.Addr) schema.Geo {
	g := d.current.Load()
	ip = ip.Unmap()
	var found [numFiles]maxminddb.Result
	for kind, reader := range g.readers {
		if reader != nil {
			found[kind] = reader.Lookup(ip)
		}
	}
	geo := read(&found, g.trusts(ip))
	geo.Network = g.networks.classify(geo.Network, geo.ASN)
	return geo
}

// masked brings prefixes to the form in which addresses are compared: IPv4-mapped ones are IPv4.
func masked(prefixes []netip.Prefix) []netip.Prefix {
	all := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		all = append(all, p.Masked())
	}
	return all
}
