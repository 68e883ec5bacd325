package idp

import (
	"net/url"
	"regexp"
)

// An id comes from an event, and goes into the path of a call that deletes. Escaping is not enough: ".." means the path above, and some
// proxies decode %2F, and cut at ";", before they look. So ids are of the characters that ids have, or the action is refused.
var (
	plainID = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._~:@|+=,'!#^$*-]{0,255}$`)
	uuidID  = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	number  = regexp.MustCompile(`^[0-9]{1,18}$`)
)

func plain(s string) bool   { return plainID.MatchString(s) }
func isUUID(s string) bool  { return uuidID.MatchString(s) }
func numeric(s string) bool { return number.MatchString(s) }

// segment is an id as one segment of a path.
func segment(id string) string { return url.PathEscape(id) }
