// Package fingerprint turns session tokens into fingerprints that may be kept (contract section 1.3).
//
// It reads peppers, computes h1 fingerprints and tells fingerprints from raw tokens. It refuses short peppers, keeps no token,
// and puts neither a pepper nor a token into an error.
package fingerprint
