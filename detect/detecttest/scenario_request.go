package detecttest

import (
	"fmt"
	"strconv"

	"github.com/hijackd/hijackd/schema"
)

// request reads a fact about the request that an event reports, if it is one.
func request(e *schema.Event, key, value string) (known bool, err error) {
	switch key {
	case "host":
		e.Host = value
	case "path":
		e.Path = value
	case "scheme":
		e.Scheme, known = map[string]schema.Scheme{"http": schema.SchemeHTTP, "https": schema.SchemeHTTPS}[value]
		if !known {
			err = fmt.Errorf("no scheme %q", value)
		}
	case "in":
		e.TokenIn, known = map[string]schema.TokenIn{"cookie": schema.TokenInCookie, "header": schema.TokenInHeader, "query": schema.TokenInQuery, "body": schema.TokenInBody}[value]
		if !known {
			err = fmt.Errorf("no part of a request that holds tokens: %q", value)
		}
	case "bits":
		e.TokenBits, err = number(value)
	case "repeat":
		e.Repeat, err = number(value)
	case "raw":
		e.RawToken = true
	case "record":
		at, failed := offset(value)
		e.RecordTime, err = Start.Add(at).UnixNano(), failed
	default:
		return false, nil
	}
	return true, err
}

func number(s string) (int32, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	return int32(n), err
}
