// Package engine starts and stops hijackd-engine, the embedded ClickHouse engine, for a hijackd without a server of its own.
//
// The engine is another process, since the library makes a binary dynamic and a crash in it must not be one of hijackd.
// This package finds the binary, gives it free ports on loopback, waits until it is ready, and tells when it has ended.
// It speaks no SQL: who has the DSN talks to the engine as to any ClickHouse. It does not start an engine anew that
// has ended: whether to go on without is for the caller to say.
package engine
