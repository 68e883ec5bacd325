package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Token is what the stored events say of one token.
type Token struct {
	Tenant, Token     string
	State             string // active, ended, revoked or rotated
	User, Session     string // the last that it was used with
	Users, Apps       []string
	FirstUse, LastUse time.Time // zero where it was never seen in use
	ExpiresAt         time.Time // zero where nobody said it
	Epoch             int       // its life: how often it was started after an end
}

// Live reports whether the token may be in use at that time: nobody ended it, and it has not expired.
func (t *Token) Live(now time.Time) bool {
	return t.State == "active" && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(now))
}

// Tokens calls each for every token of the list that was ever seen, in each tenant that has it, or in the given one alone.
func (db *DB) Tokens(ctx context.Context, tenant *string, tokens []string, each func(*Token)) error {
	for part := range slices.Chunk(tokens, maxSubjects) {
		where := "token IN (" + literals(part) + ")"
		if tenant != nil {
			where += " AND tenant IN (" + literals([]string{*tenant}) + ")"
		}
		if err := db.tokens(ctx, where, each); err != nil {
			return fmt.Errorf("look tokens up: %w", unquoted(err))
		}
	}
	return nil
}

// lives reads what the view tokens leaves out. Kinds 1, 5 and 6 are the start, the end and the revocation of a session; a start right after one
// of the others begins a new life.
const lives = `SELECT tenant, token, argMaxIf(user, time, user != ''), argMaxIf(session, time, session != ''), argMaxIf(expires_at, time, expires_at != 0),
	toInt64(arrayCount((kind, before) -> kind = 1 AND before != 1, arrayPopFront(kinds), arrayPopBack(kinds))),
	arrayMap(x -> tupleElement(x, 3), arraySort(groupArrayIf((time, id, type), type IN (1, 5, 6)))) AS kinds
FROM session_events FINAL WHERE %s GROUP BY tenant, token`

func (db *DB) tokens(ctx context.Context, where string, each func(*Token)) error {
	rows, err := db.conn.Query(quiet(ctx), fmt.Sprintf(lives, where))
	if err != nil {
		return err
	}
	defer rows.Close()
	known := map[schema.Subject]*Token{}
	for rows.Next() {
		var t Token
		var epoch int64
		var kinds []uint8
		if err := rows.Scan(&t.Tenant, &t.Token, &t.User, &t.Session, &t.ExpiresAt, &epoch, &kinds); err != nil {
			return err
		}
		if t.Epoch = int(epoch); t.ExpiresAt.Unix() == 0 {
			t.ExpiresAt = time.Time{}
		}
		known[schema.Subject{Tenant: t.Tenant, Name: t.Token}] = &t
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return db.tokenStates(ctx, where, known, each)
}

func (db *DB) tokenStates(ctx context.Context, where string, known map[schema.Subject]*Token, each func(*Token)) error {
	rows, err := db.conn.Query(quiet(ctx), "SELECT tenant, token, state, first_use, last_use, users, apps FROM tokens WHERE "+where+" ORDER BY tenant, token")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at Token
		var first, last *time.Time
		if err := rows.Scan(&at.Tenant, &at.Token, &at.State, &first, &last, &at.Users, &at.Apps); err != nil {
			return err
		}
		if t := known[schema.Subject{Tenant: at.Tenant, Name: at.Token}]; t != nil {
			at.User, at.Session, at.ExpiresAt, at.Epoch = t.User, t.Session, t.ExpiresAt, t.Epoch
		}
		if first != nil && last != nil {
			at.FirstUse, at.LastUse = *first, *last
		}
		each(&at)
	}
	return rows.Err()
}

// UserTokens returns the tokens of a user that were seen since then, at most limit of them, the last seen first.
func (db *DB) UserTokens(ctx context.Context, tenant, user string, since time.Time, limit int) ([]string, error) {
	rows, err := db.conn.Query(quiet(ctx), fmt.Sprintf("SELECT token FROM session_events WHERE tenant IN (%s) AND user IN (%s) AND token != '' AND %s "+
		"GROUP BY token ORDER BY max(time) DESC, token LIMIT %d", literals([]string{tenant}), literals([]string{user}), between(since, time.Time{}), limit))
	if err != nil {
		return nil, fmt.Errorf("list a user's tokens: %w", unquoted(err))
	}
	defer rows.Close()
	var tokens []string
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, fmt.Errorf("list a user's tokens: %w", err)
		}
		tokens = append(tokens, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list a user's tokens: %w", unquoted(err))
	}
	return tokens, nil
}
