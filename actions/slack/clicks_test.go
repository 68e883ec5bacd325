package slack

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/schema"
)

const patience = 10 * time.Second

// desk is a Slack with a card in its channel, people around it, and what their clicks order.
type desk struct {
	*slacktest.Server
	slack  *Slack
	clicks *Clicks
	card   *actions.Card

	mu      sync.Mutex
	logs    logs
	ordered []schema.Command
	publish func(context.Context) error // nil: it works
}

func newDesk(t testing.TB, change ...func(*Config)) *desk {
	d := &desk{Server: slacktest.New(), card: incident(acted(schema.ActionPending))}
	t.Cleanup(d.Close)
	d.SetGroup("UJANE", "UJOE")
	d.slack = to(t, d.Server, append([]func(*Config){clickable}, change...)...)
	d.clicks = d.slack.Clicks(func(ctx context.Context, c *schema.Command) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.publish != nil {
			if err := d.publish(ctx); err != nil {
				return err
			}
		}
		d.ordered = append(d.ordered, *c)
		return nil
	}, slog.New(slog.NewTextHandler(&d.logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if res := show(t, d.slack, d.card); res.Class != actions.Done {
		t.Fatalf("%+v", res)
	}
	return d
}

// logs is a log that may be read while it is written.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (d *desk) logText() string {
	d.logs.mu.Lock()
	defer d.logs.mu.Unlock()
	return d.logs.text.String()
}

func (d *desk) logged(what string) bool { return strings.Contains(d.logText(), what) }

// connect runs Socket Mode for the length of a test.
func (d *desk) connect(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { d.clicks.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	if !d.Connected(patience) {
		t.Fatal("Socket Mode is not connected")
	}
}

func (d *desk) orders() []schema.Command {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.ordered)
}

func (d *desk) failing(f func(context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.publish = f
}

func (d *desk) press(user, button string) slacktest.Press {
	return slacktest.Press{User: user, Name: strings.ToLower(strings.TrimPrefix(user, "U")), TS: d.card.Message.TS, ActionID: button}
}

// click brings a press through Socket Mode and waits for its acknowledgement.
func (d *desk) click(t *testing.T, p slacktest.Press) {
	t.Helper()
	id, err := d.Send("interactive", d.Payload(p))
	if err != nil || !d.Acked(id, patience) {
		t.Fatalf("%v, or not acknowledged", err)
	}
}

func TestAClickIsAnOrder(t *testing.T) {
	d := newDesk(t)
	d.connect(t)
	d.click(t, d.press("UJANE", pressAcknowledge))
	d.click(t, d.press("UJOE", pressHold))
	d.click(t, d.press("UJANE", pressDismiss))
	got := d.orders()
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	want := []schema.Command{
		{Verb: schema.Acknowledge, By: "UJANE (jane)", Why: "acknowledged on the card"},
		{Verb: schema.Hold, By: "UJOE (joe)", Why: "held on the card", Actions: []string{"act_1"}},
		{Verb: schema.Dismiss, By: "UJANE (jane)", Why: "false positive"},
	}
	for i, c := range got {
		w := want[i]
		if c.Verb != w.Verb || c.By != w.By || c.Why != w.Why || c.Via != "slack" || !slices.Equal(c.Actions, w.Actions) || c.Incident != "inc_1" || c.Tenant != "acme" ||
			!strings.HasPrefix(c.ID, "cmd_") || time.Since(c.At).Abs() > time.Minute {
			t.Errorf("%+v\nwant %+v", c, w)
		}
	}
	if s := d.Strange(); len(s) != 0 {
		t.Errorf("hello or disconnect was acknowledged: %q", s)
	}
}

// One person's click is one order however often it comes, and another person's or another card's is another one.
func TestAClickThatComesAgainIsTheSameOrder(t *testing.T) {
	d := newDesk(t)
	d.connect(t)
	again := d.press("UJANE", pressAcknowledge)
	d.click(t, again)
	d.click(t, again)
	d.click(t, d.press("UJOE", pressAcknowledge))
	other := incident(func(c *actions.Card) { c.ID = "inc_2" })
	show(t, d.slack, other)
	d.click(t, slacktest.Press{User: "UJANE", TS: other.Message.TS, ActionID: pressAcknowledge})
	ids := map[string]int{}
	for _, c := range d.orders() {
		ids[c.ID]++
	}
	if len(ids) != 3 || ids[d.orders()[0].ID] != 2 {
		t.Errorf("%v", ids)
	}
}

func TestAClickIsAcknowledgedOnlyOnceItIsPublished(t *testing.T) {
	d := newDesk(t)
	d.connect(t)
	began, release := make(chan struct{}), make(chan error)
	d.failing(func(context.Context) error { close(began); return <-release })
	payload := d.Payload(d.press("UJANE", pressAcknowledge))
	id, err := d.Send("interactive", payload)
	if err != nil {
		t.Fatal(err)
	}
	<-began
	if d.Acked(id, 0) {
		t.Fatal("acknowledged before it was published")
	}
	release <- errors.New("no broker")
	for d.Calls("chat.postEphemeral") == 0 { // what follows an acknowledgement that is not sent
		time.Sleep(time.Millisecond)
	}
	if d.Acked(id, 0) {
		t.Fatal("acknowledged though it could not be published")
	}
	d.failing(nil)
	if err := d.Again(id, "interactive", payload); err != nil || !d.Acked(id, patience) {
		t.Fatalf("%v, or not acknowledged when it came again", err)
	}
	if got := d.orders(); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// A publisher that hangs is given up before Slack is.
func TestAPublisherThatHangsIsGivenUp(t *testing.T) {
	d := newDesk(t)
	d.failing(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	began := time.Now()
	rec := d.post(t, d.press("UJANE", pressAcknowledge), slacktest.SigningSecret, time.Now())
	if rec.Code != http.StatusServiceUnavailable || time.Since(began) > clickTime+patience {
		t.Errorf("%d after %s", rec.Code, time.Since(began))
	}
}

// TestWhoMayClick is the table of who may, and what others are told.
func TestWhoMayClick(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*Config)
		prepare func(*desk)
		press   func(*slacktest.Press)
		told    string
	}{
		"a stranger":      {press: func(p *slacktest.Press) { p.User = "UMALLORY" }, told: tellNotMember},
		"a former member": {prepare: func(d *desk) { d.SetGroup("UJOE"); d.slack.members.until = time.Time{} }, told: tellNotMember},
		"an empty group":  {prepare: func(d *desk) { d.SetGroup(); d.slack.members.until = time.Time{} }, told: tellNotMember},
		"a group that can't be read": {prepare: func(d *desk) {
			d.slack.members.until = time.Time{}
			d.FailOn("usergroups.users.list", slacktest.Fault{Error: "missing_scope"})
		}, told: tellUnreadable},
		"a group whose answer is empty": {prepare: func(d *desk) {
			d.slack.members.until = time.Time{}
			d.FailOn("usergroups.users.list", slacktest.Fault{Empty: true})
		}, told: tellNotMember},
		"no group":         {change: func(c *Config) { c.UserGroup = "" }, told: tellOff},
		"a forged value":   {press: func(p *slacktest.Press) { p.Value = newSealer("guess").seal(p.ActionID, order{Verb: schema.Kill}) }, told: tellStrange},
		"another's button": {press: func(p *slacktest.Press) { p.ActionID, p.Value = pressRevoke, "x" }, told: tellStrange},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(cfg *Config) {
				if c.change != nil {
					c.change(cfg)
				}
			})
			if c.prepare != nil {
				c.prepare(d)
			}
			p := d.press("UJANE", pressAcknowledge)
			if c.press != nil {
				c.press(&p)
			}
			if rec := d.post(t, p, slacktest.SigningSecret, time.Now()); rec.Code != http.StatusOK {
				t.Errorf("answer %d: slack would warn", rec.Code)
			}
			if got := d.orders(); len(got) != 0 {
				t.Errorf("ordered: %+v", got)
			}
			if ws := d.Whispers(); len(ws) != 1 || ws[0] != (slacktest.Whisper{Channel: slacktest.Channel, User: p.User, Text: c.told}) {
				t.Errorf("told %+v, want %q", ws, c.told)
			}
		})
	}
}

// Where it can't be told who may press buttons, there are none.
func TestCardsWithoutButtons(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no group": func(c *Config) { c.UserGroup = "" }, "no way back": func(c *Config) { c.AppToken, c.SigningSecret = "", "" }, "another group": func(c *Config) { c.UserGroup = "SOTHER" },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, change)
			if _, ok := find(t, d.Server, d.card.Message.TS).Button(pressAcknowledge); ok {
				t.Error("there are buttons")
			}
		})
	}
	d := newDesk(t)
	if _, ok := find(t, d.Server, d.card.Message.TS).Button(pressAcknowledge); !ok {
		t.Error("there are no buttons")
	}
	d.FailOn("usergroups.users.list", slacktest.Fault{Error: "internal_error"})
	d.slack.members.until = time.Time{}
	show(t, d.slack, d.card)
	if _, ok := find(t, d.Server, d.card.Message.TS).Button(pressAcknowledge); ok {
		t.Error("there are buttons though the group can't be read")
	}
	d.slack.members.until = time.Time{}
	show(t, d.slack, d.card)
	if _, ok := find(t, d.Server, d.card.Message.TS).Button(pressAcknowledge); !ok {
		t.Error("the buttons did not come back")
	}
}

func TestTheGroupIsReadOnceAMinuteAtMostTwice(t *testing.T) {
	d := newDesk(t)
	now := time.Now()
	d.slack.members.now = func() time.Time { return now }
	d.slack.members.until = time.Time{}
	was := d.Calls("usergroups.users.list")
	for range 60 {
		if _, err := d.slack.members.list(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	if n := d.Calls("usergroups.users.list") - was; n != 2 {
		t.Errorf("%d reads in a minute", n)
	}
	if membersFor >= time.Minute {
		t.Error("who was taken out has a say for a minute")
	}
}

func TestSocketModeComesBack(t *testing.T) {
	d := newDesk(t)
	d.connect(t)
	d.Disconnect()
	for d.Connections() < 2 {
		time.Sleep(time.Millisecond)
	}
	if !d.Connected(patience) {
		t.Fatal("not connected again")
	}
	d.click(t, d.press("UJANE", pressAcknowledge))
	if s := d.Strange(); len(s) != 0 || len(d.orders()) != 1 {
		t.Errorf("acknowledged %q, orders %+v", s, d.orders())
	}
}

func TestStrangeEnvelopesAreLeftAlone(t *testing.T) {
	d := newDesk(t)
	d.connect(t)
	for kind, payload := range map[string]string{
		"events_api": `{"type":"event_callback","event":{"type":"app_mention"}}`, "slash_commands": `{"command":"/x"}`, "interactive": `{"type":"view_submission","user":{"id":"UJANE"}}`, "nonsense": `{}`,
	} {
		if _, err := d.Send(kind, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	d.click(t, d.press("UJANE", pressAcknowledge))
	if s := d.Strange(); len(s) != 0 || len(d.orders()) != 1 {
		t.Errorf("acknowledged %q, orders %+v", s, d.orders())
	}
}

func TestNoGoroutineOutlivesSocketMode(t *testing.T) {
	before := goleak.IgnoreCurrent()
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { d.clicks.Run(ctx); close(ended) }()
	if !d.Connected(patience) {
		t.Fatal("not connected")
	}
	d.click(t, d.press("UJANE", pressAcknowledge))
	cancel()
	<-ended
	d.Close()
	goleak.VerifyNone(t, before)
}
