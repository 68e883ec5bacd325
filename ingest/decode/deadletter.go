package decode

import (
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// DeadLetter appends the dead letter of a rejected record to dst: why and where, and no byte of its key or value (contract section 1).
// The time is Kafka's timestamp of the record, bytes the length of its value.
func DeadLetter(dst []byte, topic string, partition int32, rec *schema.Record, r *Reject) []byte {
	dst = append(dst, `{"reason":"`...)
	dst = append(dst, r.Reason.String()...)
	dst = append(dst, `","field":"`...)
	dst = append(dst, r.Field...)
	dst = append(dst, `","topic":`...)
	dst = appendText(dst, topic)
	dst = append(dst, `,"partition":`...)
	dst = strconv.AppendInt(dst, int64(partition), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, rec.Offset, 10)
	dst = append(dst, `,"time":"`...)
	dst = time.Unix(0, rec.Time).UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","bytes":`...)
	dst = strconv.AppendInt(dst, int64(len(rec.Value)), 10)
	return append(dst, '}')
}
