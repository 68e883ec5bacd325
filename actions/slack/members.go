package slack

import (
	"context"
	"errors"
	"time"

	"github.com/slack-go/slack"
)

const (
	// membersFor is how long a read of the user group is believed: who was taken out of it has no say after a minute, the call included.
	membersFor = 45 * time.Second
	// failedFor is how long a failed read is not repeated.
	failedFor  = 5 * time.Second
	groupLimit = 5 * time.Second
)

var errNoGroup = errors.New("no user group is configured")

// members are the people who may press buttons: a user group, read when it is needed. Where it can't be read there is nobody.
type members struct {
	api   *slack.Client
	group string
	now   func() time.Time

	turn  chan struct{} // holds one token: one read at a time
	users map[string]bool
	err   error
	until time.Time // when users or err is to be asked again
}

func newMembers(api *slack.Client, group string, now func() time.Time) *members {
	m := &members{api: api, group: group, now: now, turn: make(chan struct{}, 1)}
	m.turn <- struct{}{}
	return m
}

// list returns the ids of the members; it is not to be changed.
func (m *members) list(ctx context.Context) (map[string]bool, error) {
	if m.group == "" {
		return nil, errNoGroup
	}
	select {
	case <-m.turn:
		defer func() { m.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	began := m.now()
	if began.Before(m.until) {
		return m.users, m.err
	}
	reading, cancel := context.WithTimeout(ctx, groupLimit)
	defer cancel()
	users, err := m.api.GetUserGroupMembersContext(reading, m.group)
	if err != nil {
		m.users = nil // nobody, rather than those of before
		if ctx.Err() != nil {
			return nil, err // the caller's haste says nothing about the group
		}
		m.err, m.until = err, began.Add(max(failedFor, min(result(err).RetryAfter, time.Minute)))
		return nil, err
	}
	m.users, m.err, m.until = map[string]bool{}, nil, began.Add(membersFor)
	for _, u := range users {
		m.users[u] = true
	}
	return m.users, nil
}
