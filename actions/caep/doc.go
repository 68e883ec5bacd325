// Package caep tells other systems that a session or a user is revoked, by Security Event Tokens: CAEP 1.0 session-revoked (RFC 8417,
// OpenID SSF 1.0), signed and pushed over HTTPS (RFC 8935).
//
// It refuses what actions/outbound refuses, weak keys, and to name another subject than the action's in the format that was agreed on: an
// action without a session id is not widened to its user. It puts no URL, key, token, session id or text of a peer into a result.
package caep
