package slack

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hijackd/hijackd/schema"
	"github.com/slack-go/slack"
)

const (
	// clickTime is what it may take to authorise a click and to publish its command: Slack waits 3 s for the acknowledgement.
	clickTime = 2500 * time.Millisecond
	// maxClicks are looked at at a time; what is beyond is not acknowledged, and comes again.
	maxClicks = 8
	tellTime  = 5 * time.Second
)

// Clicks turn presses of a card's buttons into commands, whichever way Slack brings them.
type Clicks struct {
	slack   *Slack
	publish func(context.Context, *schema.Command) error
	log     *slog.Logger
	slots   chan struct{}
	working sync.WaitGroup
}

// Clicks returns what takes the clicks on this Slack's cards. publish returns nil once a command is durable; it may be given the same
// command again.
func (s *Slack) Clicks(publish func(context.Context, *schema.Command) error, log *slog.Logger) *Clicks {
	return &Clicks{slack: s, publish: publish, log: log, slots: make(chan struct{}, maxClicks)}
}

// answer is what becomes of a click.
type answer struct {
	ack  bool   // Slack may forget it
	tell string // what the person who clicked is told, and nobody else
}

// Why clicks are refused, as the person who clicked reads it.
const (
	tellNotMember  = "This button is for the members of the user group that hijackd's configuration names. Nothing was done."
	tellUnreadable = "hijackd could not check who may press this button, so nothing was done. Please try again in a minute."
	tellStrange    = "This card was made with another bot token, or by somebody else. Nothing was done; the card's next update has new buttons."
	tellNotKept    = "hijackd could not record this order. Please press the button again."
	tellOff        = "hijackd's configuration names nobody who may press buttons. Nothing was done."
)

// take authorises a click and publishes its command. Clicks that mean nothing to us are acknowledged and forgotten.
func (c *Clicks) take(ctx context.Context, cb *slack.InteractionCallback) answer {
	press := pressed(cb)
	if press == nil || cb.User.ID == "" {
		return answer{ack: true}
	}
	ctx, cancel := context.WithTimeout(ctx, clickTime)
	defer cancel()
	if !c.slack.cfg.clickable() {
		return c.refuse("no user group is configured", tellOff)
	}
	who, err := c.slack.members.list(ctx)
	switch {
	case err != nil:
		return c.refuse("the user group can't be read: "+result(err).Detail, tellUnreadable)
	case !who[cb.User.ID]:
		return c.refuse("not a member of the user group", tellNotMember)
	}
	o, err := c.slack.seal.open(press.ActionID, press.Value)
	if err != nil {
		return c.refuse("the button's seal does not fit", tellStrange)
	}
	cmd := c.command(cb, press, &o)
	if err := c.publish(ctx, cmd); err != nil {
		c.log.Error("a click could not be published", slog.String("command", cmd.ID), slog.String("verb", string(cmd.Verb)), slog.Any("error", err))
		return answer{tell: tellNotKept}
	}
	c.log.Info("a click was published", slog.String("command", cmd.ID), slog.String("verb", string(cmd.Verb)), slog.String("incident", cmd.Incident))
	return answer{ack: true}
}

func (c *Clicks) refuse(why, tell string) answer {
	c.log.Warn("a click was refused", slog.String("reason", why))
	return answer{ack: true, tell: tell}
}

// pressed is the button of ours that was pressed, or nil.
func pressed(cb *slack.InteractionCallback) *slack.BlockAction {
	if cb.Type != slack.InteractionTypeBlockActions {
		return nil
	}
	for _, b := range cb.ActionCallback.BlockActions {
		if b != nil && b.BlockID == ordersBlock {
			return b
		}
	}
	return nil
}

// reasons are what is recorded as the reason of a click; what was ordered was confirmed in a dialog.
var reasons = map[string]string{
	pressAcknowledge: "acknowledged on the card", pressDismiss: "false positive", pressRevoke: "revoke now, on the card", pressHold: "held on the card",
}

// command is what a click orders. Its id is a function of message, channel, person and button, so that a click that comes twice is one.
func (c *Clicks) command(cb *slack.InteractionCallback, press *slack.BlockAction, o *order) *schema.Command {
	channel, ts := place(cb)
	by := cb.User.ID
	if name := cut(strings.TrimSpace(cb.User.Name)); name != "" {
		by += " (" + name + ")"
	}
	subject := strings.Join([]string{"slack", channel, ts, cb.User.ID, press.ActionID, press.Value}, "\x00")
	return &schema.Command{
		ID: schema.CommandID(o.Verb, o.Tenant, subject), Verb: o.Verb, Tenant: o.Tenant, Actions: o.Actions, Targets: o.Targets, Incident: o.Incident,
		By: by, Via: "slack", Why: reasons[press.ActionID], At: c.slack.now().UTC(),
	}
}

// place is the message that was clicked on.
func place(cb *slack.InteractionCallback) (channel, ts string) {
	if channel = cb.Channel.ID; channel == "" {
		channel = cb.Container.ChannelID
	}
	if ts = cb.Message.Timestamp; ts == "" {
		ts = cb.Container.MessageTs
	}
	return channel, ts
}

// tell answers the person who clicked, so that nobody else sees it. To fail is no harm: nothing was done in either case.
func (c *Clicks) tell(ctx context.Context, cb *slack.InteractionCallback, text string) {
	if text == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime) // Slack hangs up once it is answered
	defer cancel()
	channel, _ := place(cb)
	if _, err := c.slack.api.PostEphemeralContext(ctx, channel, cb.User.ID, slack.MsgOptionText(text, true)); err != nil {
		c.log.Debug("a person could not be told about a click", slog.String("reason", result(err).Detail))
	}
}
