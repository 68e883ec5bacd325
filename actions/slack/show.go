package slack

import (
	"context"
	"errors"

	"github.com/hijackd/hijackd/actions"
	"github.com/slack-go/slack"
)

// goneCodes are the answers of chat.update and of a reply where the message is not there any more, or no longer ours to change.
var goneCodes = map[string]bool{
	"message_not_found": true, "cant_update_message": true, "edit_window_closed": true, // of chat.update
	"thread_not_found": true, "cannot_reply_to_message": true, // of a reply
}

func gone(err error) bool {
	var e slack.SlackErrorResponse
	return errors.As(err, &e) && goneCodes[e.Err]
}

// Show posts a card that has no message yet, or updates its message, at Slack's pace. A card that may have been posted before is looked
// for first; one whose message is gone is looked for, too, and posted again. The message returned is where the card stands, zero where that is not known.
func (s *Slack) Show(ctx context.Context, c *actions.Card) (actions.Message, actions.Result) {
	if res, ok := s.pace.take(ctx); !ok {
		return c.Message, res
	}
	defer s.pace.give()
	m, look := card(c, s.sealer(ctx)), c.Uncertain
	if c.Message.TS != "" {
		at, res, lost := s.update(ctx, m, c.Message)
		if !lost {
			return at, res
		}
		look = true // an earlier call may have posted it again, and been interrupted
	}
	if look {
		at, err := s.find(ctx, actions.Message{}, m)
		if err != nil && !unreadable(err) {
			return actions.Message{}, result(err)
		}
		if at.TS != "" {
			if at, res, lost := s.update(ctx, m, at); !lost {
				return at, res
			}
		}
	}
	return s.post(ctx, m, actions.Message{})
}

// update replaces a message; lost says that it is not there any more.
func (s *Slack) update(ctx context.Context, m *message, at actions.Message) (now actions.Message, res actions.Result, lost bool) {
	if res, ok := s.pace.wait(ctx); !ok {
		return at, res, false
	}
	_, ts, _, err := s.api.UpdateMessageContext(ctx, at.Channel, at.TS, m.options()...)
	res = s.told(ts, err, "updated")
	return at, res, gone(err)
}

// sealer signs buttons; nil where there are none: nobody could press them, or it can't be told who may.
func (s *Slack) sealer(ctx context.Context) *sealer {
	if !s.cfg.clickable() {
		return nil
	}
	if who, err := s.members.list(ctx); err != nil || len(who) == 0 {
		return nil
	}
	return s.seal
}
