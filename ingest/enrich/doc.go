// Package enrich adds to an event what its address and user agent say: place, network, family and operating system.
//
// It holds the GeoIP databases, replaces them while lanes read them, and caches per lane. It refuses to fail an event: what it can't
// find out stays unknown. What the event says about its own address goes before the databases, and the operator's trusted
// networks go before both. Of a user agent it looks at 512 bytes, at a bounded cost.
package enrich
