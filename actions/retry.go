package actions

import (
	"net/http"
	"time"
)

// Class says what follows from an attempt at an effect.
type Class uint8

// Classes.
const (
	Done    Class = iota + 1 // the effect has happened
	Again                    // it may or may not have happened: the same call again, later
	Refused                  // it has not happened and won't: a person must look
)

// Result is the outcome of one attempt.
type Result struct {
	Class Class
	// Detail is for people: "204", "timeout", "connection refused". It holds no secret, and of a peer's text at most what is cleaned.
	Detail string
	// RetryAfter is how long the peer asked to be left alone, 0 where it did not.
	RetryAfter time.Duration
}

// ClassOf is the table of HTTP answers (contract section 2). Network errors and time-outs, which have no status, are Again.
func ClassOf(status int) Class {
	switch {
	case status >= 200 && status < 300:
		return Done
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500 && status < 600:
		return Again
	}
	return Refused // 410, every other 4xx, every redirect, and what is no HTTP status at all
}

// How an effect is retried, by its age since it was authorised.
const (
	hardFor    = time.Minute            // retried hard for so long: most receivers are back within a deploy
	hardFirst  = 250 * time.Millisecond // first delay, doubling
	hardMost   = 2 * time.Second
	softFirst  = 5 * time.Second // then with back-off, doubling
	softMost   = 10 * time.Minute
	giveUp     = 24 * time.Hour
	retryAfter = time.Hour       // the most that a peer's Retry-After is believed
	pageAfter  = 2 * time.Minute // pending for longer pages
)

// backOff is the delay before the next attempt: tries counts the failed ones since the delay last began at its first value
// (hard or soft), jitter is in [0, 1) and makes the delay 50–100 % of its nominal value.
func backOff(age time.Duration, tries int, asked time.Duration, jitter float64) time.Duration {
	first, most := hardFirst, hardMost
	if age >= hardFor {
		first, most = softFirst, softMost
	}
	d := most
	if tries < 16 {
		d = min(most, first<<max(0, tries-1))
	}
	d = d/2 + time.Duration(float64(d/2)*jitter)
	return max(d, min(asked, retryAfter))
}
