package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// InsertFindings writes decided findings. Writing one again changes nothing, and of several versions of one the view shows the strongest,
// whatever their order.
func (db *DB) InsertFindings(ctx context.Context, fs []schema.Finding) error {
	if len(fs) == 0 {
		return nil
	}
	if err := db.insertFindings(ctx, fs); err != nil {
		return fmt.Errorf("insert findings: %w", err)
	}
	return nil
}

func (db *DB) insertFindings(ctx context.Context, fs []schema.Finding) error {
	ctx, done := db.inserting(ctx)
	defer done()
	batch, err := db.conn.PrepareBatch(ctx, "INSERT INTO finding_versions (id, strength, time, event_id, first_seen, response, rule, rule_version, severity, "+
		"confidence, conclusive, decision, would, suppressed_by, scope, subject, epoch, tenant, token, user, session, app, detected_at, summary, "+
		"attack, evidence, events, `from`, `to`, without_history, informed, partition, risk, signals, targets)")
	if err != nil {
		return err
	}
	defer batch.Close()
	for i := range fs {
		f := &fs[i]
		evidence, err := json.Marshal(f.Evidence)
		if err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		from, to, err := ends(f)
		if err != nil {
			return err
		}
		signals, err := jsonList(f.Signals)
		if err != nil {
			return fmt.Errorf("signals: %w", err)
		}
		targets, err := jsonList(f.Targets)
		if err != nil {
			return fmt.Errorf("targets: %w", err)
		}
		err = batch.Append(f.ID, strength(f), since1900(f.Time), f.EventID, since1900(f.FirstSeen), response(f), f.Rule, uint32(f.RuleVersion), // #nosec G115 -- small
			string(f.Severity), f.Confidence, f.Conclusive, string(f.Decision), string(f.Would), f.Suppressed, string(f.Scope), f.Subject, int64(f.Epoch),
			f.Tenant, f.Token, f.User, f.Session, f.App, since1900(f.DetectedAt), f.Summary,
			f.Attack, string(evidence), f.Events, from, to, f.WithoutHistory, int64(f.Informed), f.Partition, f.Risk, signals, targets)
		if err != nil {
			return err
		}
	}
	return batch.Send()
}

// jsonList is a list as JSON text, empty where there is none.
func jsonList[E any](list []E) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

func ends(f *schema.Finding) (from, to string, err error) {
	var texts [2]string
	for i, end := range []*schema.End{f.From, f.To} {
		if end == nil {
			continue
		}
		b, err := json.Marshal(end)
		if err != nil {
			return "", "", fmt.Errorf("ends: %w", err)
		}
		texts[i] = string(b)
	}
	return texts[0], texts[1], nil
}

// strength is the first part of schema.Finding.Compare as one number: history, knowledge, conclusiveness, confidence. The rest of that
// order (time, event, first seen) has columns of its own in the sorting key.
func strength(f *schema.Finding) uint64 {
	var s uint64
	if !f.WithoutHistory {
		s |= 1 << 63
	}
	s |= uint64(min(max(f.Informed, 0), 127)) << 56 // #nosec G115 -- 7 bits
	if f.Conclusive {
		s |= 1 << 55
	}
	// Bits of floats from 0 to 1 order like the floats, and the upper two are 0; the lower 7 of the mantissa are beyond any measure.
	return s | math.Float64bits(min(max(f.Confidence, 0), 1))>>7
}

// responses orders decisions: of equally strong versions the one that was decided to do more stays, since it was done.
var responses = []schema.Decision{
	"", schema.Observe, schema.Alert, schema.StepUp, schema.Restrict, schema.BlockIP, schema.RevokeSession, schema.RevokeUser,
}

func response(f *schema.Finding) uint8 {
	return uint8(max(slices.Index(responses, f.Decision), 0)) // #nosec G115 -- a handful
}

// since1900 keeps the zero time from wrapping around: ClickHouse's times with nanoseconds begin in 1900.
func since1900(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0)
	}
	return t
}
