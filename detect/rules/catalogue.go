package rules

import "github.com/hijackd/hijackd/detect"

// All is the catalogue, in the order of the documentation.
var All = []*detect.Rule{
	&ImpossibleTravel, &ParallelUse, &RevokedReplay,
	&DeviceChange, &NetworkChange, &Anonymizer, &ScriptedClient,
	&BindingFailed, &TwoUsers, &Fixation, &NotRotated, &Resurrection, &Beacon, &SensitiveStaleAuth,
	&MultiLogin, &NewCountry, &NewDevice, &TokenHarvest, &Guessing,
	&LoginSpike, &NeverIssued,
	&IdleTimeout, &AbsoluteTimeout, &NoRenewal, &Cleartext, &WeakToken, &Scope, &RawToken, &ClockSkew,
}

// Named returns the rule of a name, or nil.
func Named(name string) *detect.Rule {
	for _, r := range All {
		if r.Name == name {
			return r
		}
	}
	return nil
}
