// Package spine tests hijackd as its users run it: real processes over the real Kafka and the real ClickHouse engine, killed, stopped
// and cut off at will. It holds no code of the daemon.
package spine
