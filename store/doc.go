// Package store keeps events, sightings, findings, actions and the audit trail in ClickHouse and reads them back, over clickhouse-go, the same for a server and for the
// embedded engine.
//
// Events and sightings are the changelogs of the lanes that detect. A Storer merges the rows of all lanes into large inserts and tells each
// Cursor how far it is stored; Cursor.Load gives back what was stored of a token, a user or a network before an offset. The public tables of
// contract section 6 are views (see docs/schema.md).
//
// It refuses to judge: it decides nothing about events and folds nothing. It never cancels an insert in flight, never drops an accepted row
// while it runs, and puts no row's contents into an error.
package store
