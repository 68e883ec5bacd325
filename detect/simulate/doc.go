// Package simulate makes labelled session events, in two worlds.
//
// The small one is this package's Generator: some hundred people whose sessions are all live at once and busy, with four kinds of
// attack, for demos and load. It learns of revocations while it runs (Generator.Revoke).
//
// The large one is package population: thousands of people over days, with every nuisance and every kind of attack that is named
// here. Both write the Event of this package: a schema.Event, and the truth about it in fields that never reach hijackd's rules.
//
//	w, err := population.New(population.Config{Seed: 1, Sessions: 50_000, Duration: 24 * time.Hour, Start: start, Attacks: simulate.AllAttacks()})
//	for e := (simulate.Event{}); w.Next(&e); { … e.Attack, e.Role, e.Nuisances, e.Incident … }
//	for _, i := range w.Incidents() { … i.Kind, i.Tokens, i.Users, i.First … }
//
// Both are pure functions of their Config: no clock, no I/O, the same events for the same seed. Their addresses come from plans of
// networks that exist nowhere, so that whoever needs a GeoIP database for them can build one. They do not claim to be a statistical
// model of anybody's traffic; they hold what the rules must tell apart.
package simulate
