// Package simulate makes labelled session events: people with homes, laptops and phones who log in, commute, rotate tokens and log
// out, with the nuisances of real networks, and thieves among them.
//
// It is a pure function of its Config: no clock, no I/O, the same events for the same seed. Its addresses come from a plan of
// networks that exists nowhere (Networks), so that whoever needs a GeoIP database for them can build one. It does not claim to be a
// statistical model of anybody's traffic; it holds what the rules must tell apart.
package simulate
