package slack

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/hijackd/hijackd/actions"
	"github.com/slack-go/slack"
)

var code = regexp.MustCompile(`^[a-z_]{1,64}$`)

// refused begins the error codes of chat.postMessage that are about this one message: to send it again is no use. Everything else
// (a revoked token, an archived channel, a missing scope) a person can mend while the message waits.
var refused = []string{"invalid_blocks", "invalid_attachments", "invalid_metadata", "metadata_", "msg_", "no_text", "markdown_text_"}

// unreadableCodes are the answers of conversations.history where messages can be sent but not read: no scope, or a channel named
// by name. A message twice is better than none.
var unreadableCodes = map[string]bool{"missing_scope": true, "channel_not_found": true, "not_allowed_token_type": true}

func unreadable(err error) bool {
	var e slack.SlackErrorResponse
	return errors.As(err, &e) && unreadableCodes[e.Err]
}

// result names what went wrong in words of our own: an error's text may hold a URL.
func result(err error) actions.Result {
	res := actions.Result{Class: actions.Again, Detail: "network error"}
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var answer slack.SlackErrorResponse
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &limited):
		res.Detail, res.RetryAfter = "429", max(0, limited.RetryAfter)
	case errors.As(err, &status):
		res.Class, res.Detail = actions.ClassOf(status.Code), "HTTP error"
		if res.Class == actions.Refused { // of a proxy in between, not about the message
			res.Class = actions.Again
		}
	case errors.As(err, &answer):
		res.Detail = "error"
		if code.MatchString(answer.Err) {
			res.Detail = answer.Err
		}
		for _, p := range refused {
			if strings.HasPrefix(answer.Err, p) {
				res.Class = actions.Refused
			}
		}
	case errors.Is(err, context.Canceled):
		res.Detail = "stopped"
	case errors.As(err, &timeout) && timeout.Timeout():
		res.Detail = "timeout"
	}
	return res
}
