package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hijackd/hijackd/schema"
)

type killCommand struct {
	On     killOnCommand     `cmd:"" help:"Hold all effects of the whole fleet until kill off. Detection goes on; nothing is lost."`
	Off    killOffCommand    `cmd:"" help:"Let effects go on."`
	Status killStatusCommand `cmd:"" default:"withargs" help:"Say how the switch stands, and that of policy.kill_switch."`
}

type killOnCommand struct{ order }

func (c killOnCommand) Run(ctx context.Context, p *process) error {
	return c.turn(ctx, p, schema.Kill, "hold all effects")
}

type killOffCommand struct{ order }

func (c killOffCommand) Run(ctx context.Context, p *process) error {
	return c.turn(ctx, p, schema.Unkill, "let effects go on")
}

func (o order) turn(ctx context.Context, p *process, verb schema.Verb, what string) error {
	cfg, err := o.load(p)
	if err != nil {
		return err
	}
	c, err := o.command(p, verb, "")
	if err != nil {
		return err
	}
	to, err := openOrders(ctx, cfg)
	if err != nil {
		return err
	}
	defer to.close()
	err = to.give(ctx, p, c, what, o.Wait)
	if errors.Is(err, errRefused) { // it is as it was wanted
		return nil
	}
	return err
}

type killStatusCommand struct{ configured }

func (c killStatusCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	s, err := readStanding(ctx, cfg)
	if err != nil {
		return err
	}
	for _, file := range [...]bool{false, true} {
		if err := p.switched(s, file); err != nil {
			return err
		}
	}
	return nil
}

// switched says how one of the two switches stands, over all lanes.
func (p *process) switched(s *standing, file bool) error {
	name := "ordered"
	if file {
		name = "kill file"
	}
	on := 0
	var last switchState
	for lane := range s.lanes {
		t := s.switches[laneSwitch{lane, file}]
		if t.On {
			on++
		}
		if t.On == last.On && t.At.After(last.At) || t.On && !last.On {
			last = t
		}
	}
	var err error
	switch {
	case last.At.IsZero():
		_, err = fmt.Fprintf(p.stdout, "%s: off\n", name)
	case on == 0:
		_, err = fmt.Fprintf(p.stdout, "%s: off since %s, by %s: %s\n", name, when(last.At), schema.CleanText(last.By, maxBy), schema.CleanText(last.Why, maxWhy))
	default:
		_, err = fmt.Fprintf(p.stdout, "%s: on in %d of %s since %s, by %s: %s\n", name, on, counted(int(s.lanes), "lane"), when(last.At), schema.CleanText(last.By, maxBy),
			schema.CleanText(last.Why, maxWhy))
	}
	return err
}
