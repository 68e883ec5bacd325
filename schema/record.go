package schema

// Header is one header of a Kafka record.
type Header struct {
	Key   string
	Value []byte
}

// Record is one Kafka record as a lane meets it. Key, Value and Headers alias the fetch buffer and are valid until the batch is done.
type Record struct {
	Offset  int64
	Time    int64 // Kafka's timestamp, Unix nanoseconds
	Key     []byte
	Value   []byte // nil for a null value
	Headers []Header
	// Broken says why the record can't be read (bad CRC, unknown codec, decompression bomb); empty for a good one. A broken record stands
	// for everything up to the next record's offset.
	Broken string
}

// Term is a lane owner's term of office: the group's generation, and a count of the lane's starts in it.
type Term struct {
	Generation int64 `json:"generation"`
	Start      int64 `json:"start"`
}

// Less reports whether t ended before o began.
func (t Term) Less(o Term) bool {
	return t.Generation < o.Generation || t.Generation == o.Generation && t.Start < o.Start
}

// Assignment is what a lane is told when it starts.
type Assignment struct {
	Topic     string
	Partition int32
	Term      Term
	// Committed is the first offset that the group has not committed.
	Committed int64
	// First is the first offset that the partition still holds.
	First int64
}
