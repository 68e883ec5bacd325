package enrich

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

//go:embed networks.csv
var shipped string

// networks is what is known about autonomous systems by their numbers.
type networks map[uint32]schema.NetworkClass

// shippedNetworks reads the list that comes with the program.
func shippedNetworks() networks {
	n, err := readNetworks(shipped)
	if err != nil {
		panic("networks.csv: " + err.Error()) // a test reads it
	}
	return n
}

// readNetworks reads lines of number, class and name; an error names the line. Lines that are empty or begin with # say nothing.
func readNetworks(text string) (networks, error) {
	n := networks{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, ",")
		if len(fields) != 3 || strings.TrimSpace(fields[2]) == "" {
			return nil, fmt.Errorf("line %d: want number, class, name", number)
		}
		system, err := strconv.ParseUint(fields[0], 10, 32)
		if err != nil || system == 0 {
			return nil, fmt.Errorf("line %d: %q is no number of an autonomous system", number, fields[0])
		}
		class, ok := schema.ParseNetworkClass(fields[1])
		if !ok || class == schema.NetworkUnknown || class == schema.NetworkCorporate {
			return nil, fmt.Errorf("line %d: %q is no class of networks", number, fields[1])
		}
		if _, twice := n[uint32(system)]; twice {
			return nil, fmt.Errorf("line %d: AS%d stands there twice", number, system)
		}
		n[uint32(system)] = class
	}
	return n, nil
}

// classify is the class of an address in an autonomous system, of which the databases say what is given. They are believed where they
// say anything, with two exceptions: a ground station and a relay look like somebody's line or like a rented machine to them, and
// what is done on rented machines (VPN, Tor) says more than that they are rented.
func (n networks) classify(given schema.NetworkClass, system uint32) schema.NetworkClass {
	switch given {
	case schema.NetworkUnknown, schema.NetworkResidential, schema.NetworkMobile, schema.NetworkHosting:
	default:
		return given
	}
	listed, ok := n[system]
	switch {
	case !ok:
		return given
	case given == schema.NetworkUnknown, listed == schema.NetworkSatellite, listed == schema.NetworkRelay:
		return listed
	case given == schema.NetworkHosting && (listed == schema.NetworkVPN || listed == schema.NetworkTor):
		return listed
	}
	return given
}
