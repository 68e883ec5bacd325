// Package broker speaks to Kafka: it fetches record batches, publishes with acks=all, creates hijackd's topics and checks the user's.
//
// It goes through kafka-go's transport (connections, TLS, SASL, metadata) and decodes fetched batches itself, since that is the hot
// path: one arena per fetch, the CRC of every batch checked, aborted transactions left out, decompression capped. It knows nothing of
// what records mean, and never reads through kafka-go's Reader: with a consumer group that carries stale messages across a rebalance.
package broker
