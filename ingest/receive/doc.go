// Package receive takes in what others revoked: CAEP session-revoked as Security Event Tokens pushed over HTTP (RFC 8417, RFC 8935,
// OpenID SSF and CAEP 1.0) and OIDC back-channel logout. Each becomes one event of type session.revoked, published before the sender
// gets its answer.
//
// It refuses what is unsigned, signed with a shared secret or by an unknown key, meant for somebody else, of another kind of token, from
// the future, too old, or ambiguous; and it never widens a subject: who revokes a user on one device has not revoked the user. It puts
// nothing that a sender wrote into an answer, an error or a log.
package receive
