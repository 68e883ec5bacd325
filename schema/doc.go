// Package schema is hijackd's vocabulary: the session event and what is made of it — vantage, finding, command, action.
//
// It holds values and their identities, nothing else: it imports only the standard library, does no I/O, reads no clock,
// and decides nothing. Every other package speaks in these words and none of them depends on another's insides.
package schema
