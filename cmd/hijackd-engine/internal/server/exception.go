package server

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Codes of the real server, for what the engine cannot say itself.
const (
	codeNoSuchColumn   = 16
	codeCannotReadData = 33
	codeNotImplemented = 48
	codeSyntaxError    = 62
	codeUnknown        = 1002
)

// exception is an error in the words of the real server.
func exception(code int, format string, args ...any) error {
	return fmt.Errorf("Code: %d. DB::Exception: %s", code, fmt.Sprintf(format, args...))
}

// exceptionCode takes the number out of "Code: N. DB::Exception: …".
func exceptionCode(err error) int {
	rest, ok := strings.CutPrefix(err.Error(), "Code: ")
	if !ok {
		return codeUnknown
	}
	number, _, _ := strings.Cut(rest, ".")
	code, err := strconv.Atoi(number)
	if err != nil {
		return codeUnknown
	}
	return code
}

// httpStatus is the status with which the real server answers an exception.
func httpStatus(code int) int {
	switch code {
	case 60, 81, 46, 47, codeNotImplemented: // unknown table, database, function, identifier
		return http.StatusNotFound
	case codeSyntaxError, 115, 36, 53: // unknown setting, bad arguments, type mismatch
		return http.StatusBadRequest
	case 192, 193, 194, 497, 516: // who is asking
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}
