package enrich

import (
	"hash/maphash"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// agentSlots is how many user agents a lane remembers: one slot for each hash, at most 512 bytes of text each.
const agentSlots = 1 << 12

// Agents remembers parsed user agents. It is not safe for concurrent use.
type Agents struct {
	seed  maphash.Seed
	slots []agentSlot
}

type agentSlot struct {
	text  string
	agent schema.Agent
}

// NewAgents returns an empty cache.
func NewAgents() *Agents {
	return &Agents{maphash.MakeSeed(), make([]agentSlot, agentSlots)}
}

// Parse is ParseAgent, from memory where the text was seen lately. The result does not alias text.
func (a *Agents) Parse(text string) schema.Agent {
	if text == "" {
		return schema.Agent{}
	}
	slot := &a.slots[maphash.String(a.seed, text)%agentSlots]
	if slot.text != text {
		text = strings.Clone(text)
		*slot = agentSlot{text, ParseAgent(text)}
	}
	return slot.agent
}
