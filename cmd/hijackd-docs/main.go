// Command hijackd-docs writes what the documentation of the rules is made of: an example finding of each rule, by folding one of its
// scenarios, and docs/rules.md. It is for developers, by way of go generate ./detect/rules, and no part of the product.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hijackd/hijackd/detect/rules"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "hijackd-docs:", err)
		os.Exit(1)
	}
}

// run writes the examples, or the page: in two runs, because the page shows the examples that the program was built with.
func run(args []string, log io.Writer) error {
	flags := flag.NewFlagSet("hijackd-docs", flag.ContinueOnError)
	flags.SetOutput(log)
	scenarios := flags.String("scenarios", "", "folder of the scenarios, by rule")
	folder := flags.String("examples", "", "folder to write examples to")
	page := flags.String("page", "", "file to write the page to")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *page != "" {
		return os.WriteFile(*page, []byte(rules.Catalogue()), 0o644) // #nosec G306 -- documentation is for everybody
	}
	for _, r := range rules.All {
		text, err := example(*scenarios, r)
		if errors.Is(err, errNone) {
			_, _ = fmt.Fprintf(log, "%s: %v\n", r.Name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		if err := os.WriteFile(filepath.Join(*folder, r.Name+".json"), text, 0o644); err != nil { // #nosec G306 -- documentation is for everybody
			return err
		}
	}
	return nil
}
