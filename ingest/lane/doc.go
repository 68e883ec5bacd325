// Package lane works partitions: one lane for one assigned partition, one goroutine for one lane.
//
// Group joins the consumer group and runs a Lane for every partition that it is given: fetch, process, commit what is durable. Detecting
// is the lane of everything that detects (tokens, users, networks and apps): decode, load the state of keys not in memory, fold,
// publish, store. What is folded, and where the rows go, is given to it; it knows neither rules nor ClickHouse. Routing copies the events
// of a topic that is not keyed by token to one that is.
//
// On an error or an unknown outcome a lane is thrown away and begins again at its commit: state is never patched.
package lane
