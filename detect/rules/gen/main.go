// Command gen writes the documentation of the rules to the file named by its argument.
package main

import (
	"fmt"
	"os"

	"github.com/hijackd/hijackd/detect/rules"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(rules.Catalogue()), 0o644); err != nil { // #nosec G306 -- documentation is for everybody
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
