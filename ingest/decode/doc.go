// Package decode reads a Kafka record into an accepted schema.Event, or says why it can't (contract section 1).
//
// It is strict: one JSON object, no duplicate keys, valid UTF-8, the right types, within limits, complete for its type. It replaces raw
// tokens by their fingerprints before anything else sees the event, and refuses to say anything about a rejected record but a
// reason from a fixed list and the name of a field of the contract. It knows CloudEvents and schema-registry framing, and neither
// Kafka nor metrics: callers read its Counts.
//
// A record is decoded in place. Strings of the event alias the record's value, escapes are undone inside it, and raw tokens are
// overwritten: a value can be decoded once.
//
// Where the contract leaves room: an integer is what JSON Schema calls one (1.0 and 1e2 are integers); a name may be spelt with
// escapes; a lone surrogate escape is invalid UTF-8, for no UTF-8 text can hold it; duplicate keys are refused at any depth, also in
// fields that are ignored; objects and arrays nest at most 64 deep; times lie in 1970–2261 and have no leap second; methods are cut
// at 64 bytes, and geo's texts at 256; sha256 digests in upper-case hex become lower-case.
package decode
