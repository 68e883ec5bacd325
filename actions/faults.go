package actions

// faults switches parts of the protocol off, so that tests can show that each part is needed. It is zero outside tests.
type faults struct {
	recordBeforeRevoked   bool          // record the outcome before session.revoked is published
	noVoid                bool          // believe records behind the opening of a higher term
	noReadBack            bool          // act on what was appended, unread
	forgetActions         bool          // begin a term without the actions of the last
	randomIDs             func() string // an action id of its own for each decision
	dispatchBeforeDurable bool          // call before the decision is in the log
	lastWins              bool          // of an action's records believe the last
	countDelivered        bool          // limits count deliveries alone
	arrivalOrder          bool          // add up what has arrived, and never decide again
	kindsAddUp            bool          // two signals of one kind count twice
	forgetPools           bool          // don't say again which pools there are
	noHorizon             bool          // begin a term without the findings before the commit
	targetsApart          bool          // a revocation that several findings ask for has an id for each
	recordBeforeSend      bool          // record an effect as done, then call
	freshIDs              func() string // an id of its own for each call
	unordered             bool          // call for one token's actions at the same time
	messageUnrecorded     bool          // don't record where a card stands
	forgetIncidents       bool          // don't say again which incidents are open
	threadBeforeParent    bool          // let a detail go before its card stands
	forgetCopies          bool          // begin a term without what is missing at the other destinations
	ignoreRounds          bool          // believe the highest state, of whatever round
	forgetSwitch          bool          // begin a term with the kill switch off
	killLeaks             bool          // try actions while the kill switch is on
	forgetAllows          bool          // don't say again which allow entries there are
	forgetOrders          bool          // obey a command as often as it comes
	freshAgain            bool          // revoke again under another id whenever the order comes
	tornOrders            bool          // begin a term without what an order still has to change
	holdTried             bool          // hold what may have gone out
	countUserDelivered    bool          // limits of a user count deliveries alone
	auditLatest           bool          // begin a term without the audit lines of what was not archived
}
