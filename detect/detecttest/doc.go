// Package detecttest reads scenarios, short texts that say what happens to a token and what is to be found, and runs folds over them
// in every order that must make no difference. It is only for tests and holds no rule's logic.
package detecttest
