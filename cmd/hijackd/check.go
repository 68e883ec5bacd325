package main

import "fmt"

type checkCommand struct {
	configured
	Print bool `help:"Print every key with the value in force."`
}

func (c checkCommand) Run(p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	if !cfg.Fingerprint.Pepper.Set() {
		_, _ = fmt.Fprintln(p.stderr, "warning: fingerprint.pepper_file: is not set: raw tokens are hashed with a random pepper that ends with the process")
	}
	if c.Print {
		_, err = fmt.Fprint(p.stdout, cfg)
		return err
	}
	_, err = fmt.Fprintln(p.stdout, "the configuration is valid")
	return err
}
