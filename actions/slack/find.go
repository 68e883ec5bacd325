package slack

import (
	"context"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/slack-go/slack"
)

const (
	lookBack  = 25 * time.Hour // longer than a message is tried
	lookPages = 10
)

// find looks for a message by its metadata, in the channel or in a thread of it, and returns where it stands; zero where it does not.
func (s *Slack) find(ctx context.Context, thread actions.Message, m *message) (actions.Message, error) {
	oldest := strconv.FormatInt(s.now().Add(-lookBack).Unix(), 10)
	channel, cursor := s.where(), ""
	if thread.TS != "" {
		channel = thread.Channel
	}
	for range lookPages {
		var page []slack.Message
		var err error
		if thread.TS != "" {
			page, _, cursor, err = s.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
				ChannelID: channel, Timestamp: thread.TS, IncludeAllMetadata: true, Limit: 100, Oldest: oldest, Cursor: cursor})
		} else {
			var h *slack.GetConversationHistoryResponse
			h, err = s.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
				ChannelID: channel, IncludeAllMetadata: true, Limit: 100, Oldest: oldest, Cursor: cursor})
			if err == nil {
				page, cursor = h.Messages, h.ResponseMetaData.NextCursor
			}
		}
		if err != nil {
			return actions.Message{}, err
		}
		for i := range page {
			if md := &page[i].Metadata; md.EventType == m.event && md.EventPayload["id"] == m.id {
				return actions.Message{Channel: channel, TS: page[i].Timestamp}, nil
			}
		}
		if cursor == "" {
			break
		}
	}
	return actions.Message{}, nil
}
