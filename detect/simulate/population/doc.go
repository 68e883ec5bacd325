// Package population simulates people over days: homes, offices, commutes, flights, phones and laptops, the apps they use, the
// nuisances of their networks, and attackers among them.
//
// Every person is an agenda of actions in exact order of time (agenda.go): sit down, click, poll, log in, move on. The world runs
// all agendas one stretch of some minutes after the other, sorts what the stretch brought, and hands it out. Whether a person meets
// an attacker changes nothing for anybody else: each has a random source of their own.
//
// It refuses to look at the clock, to do I/O, and to let a label tell anything that the event itself does not: labels are beside the
// event. It holds no feedback: nobody here learns that hijackd revoked a session; package simulate's Generator does.
//
// What it leaves out: daylight saving time, public holidays, and networks that move between providers.
package population
