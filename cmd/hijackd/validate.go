package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

type validateCommand struct {
	Events string `arg:"" name:"events" help:"File of events, one JSON object a line; - for standard input."`
}

// notes are what is accepted and yet worth a producer's look, by the decoder's counts.
var notes = []struct {
	count func(*decode.Counts) int64
	text  string
}{
	{func(c *decode.Counts) int64 { return c.RawTokens }, "the token is raw, not a fingerprint: producers must not send raw tokens"},
	{func(c *decode.Counts) int64 { return c.UnknownFields }, "unknown fields are ignored"},
	{func(c *decode.Counts) int64 { return c.UnknownEnums }, "unknown values of enumerations are ignored"},
}

// Run prints every line that is no event with its number and reason, and a summary. It repeats nothing of a line: it may hold a token.
func (c validateCommand) Run(p *process) error {
	in, err := p.openInput(c.Events)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	d, err := newFileDecoder(nil)
	if err != nil {
		return err
	}
	lines, rejected := 0, 0
	first, before, affected := make([]int, len(notes)), make([]int64, len(notes)), make([]int, len(notes))
	err = eachLine(in, func(number int, line []byte) error {
		lines++
		var e schema.Event
		if reject := d.decode(number, line, &e); reject != nil {
			rejected++
			_, err := fmt.Fprintf(p.stdout, "line %d: %s\n", number, explain(reject))
			return err
		}
		for i, n := range notes {
			if now := n.count(d.Counts()); now > before[i] {
				before[i] = now
				affected[i]++
				if first[i] == 0 {
					first[i] = number
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, n := range notes {
		if affected[i] > 0 {
			_, _ = fmt.Fprintf(p.stdout, "note: %s (%s, first line %d)\n", n.text, counted(affected[i], "line"), first[i])
		}
	}
	_, _ = fmt.Fprintf(p.stdout, "%s: %s valid, %s rejected\n", counted(lines, "line"), grouped(lines-rejected), grouped(rejected))
	switch {
	case lines == 0:
		return errors.New("no events in the input")
	case rejected > 0:
		return fmt.Errorf("%s rejected", counted(rejected, "line"))
	}
	return nil
}

var explanations = map[decode.Reason]string{
	decode.TooLarge:     "larger than 64 KiB",
	decode.BadUTF8:      "invalid UTF-8",
	decode.BadJSON:      "no JSON, or something after it",
	decode.NotObject:    "JSON, but not an object",
	decode.DuplicateKey: "a name stands twice in one object",
	decode.WrongType:    "another JSON type than the contract's",
	decode.BadValue:     "a value that the field can't have",
	decode.OverLimit:    "longer than the field may be",
	decode.UnknownType:  "no event type of the contract",
	decode.MissingField: "required and absent",
}

// explain is a reason for people: "missing-field ip: required and absent".
func explain(r *decode.Reject) string {
	s := r.Reason.String()
	if r.Field != "" {
		s += " " + r.Field
	}
	if text := explanations[r.Reason]; text != "" {
		s += ": " + text
	}
	return s
}

// fileDecoder decodes lines of a file as records of partition 0, the line's number being the offset.
type fileDecoder struct{ *decode.Decoder }

// newFileDecoder makes a decoder that fingerprints raw tokens with key; without one, with a pepper that nobody keeps: the fingerprints
// then hold within this run only.
func newFileDecoder(key *fingerprint.Key) (fileDecoder, error) {
	if key == nil {
		pepper := make([]byte, fingerprint.MinPepper)
		_, _ = rand.Read(pepper) // never fails
		var err error
		if key, err = fingerprint.NewKey("file", pepper); err != nil {
			return fileDecoder{}, err
		}
	}
	return fileDecoder{decode.New(key.Hasher(), 0)}, nil
}

// farFuture is a record time that no event is ahead of: a file says nothing of when its records were written.
const farFuture = math.MaxInt64 - int64(24*time.Hour)

func (d fileDecoder) decode(number int, line []byte, e *schema.Event) *decode.Reject {
	reject := d.Decode(&schema.Record{Offset: int64(number), Time: farFuture, Value: line}, e)
	if reject == nil {
		e.RecordTime = e.Time
	}
	return reject
}
