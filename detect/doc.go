// Package detect recognises hijacked sessions: it folds the events of tokens into small records and asks the rules about them.
//
// A fold is a pure function of events: no clock, no I/O, no randomness, so the daemon, a recovery and a backtest run the same code.
// It is monotone: what it keeps is a function of the set of events and not of their order, so a shuffle within the lateness gives
// the same findings, and a late event may add a finding but never takes one back.
// Package detect decides nothing about a finding and acts on nothing; it knows neither Kafka nor ClickHouse.
package detect
