package detect

import "time"

// aMoment is how close together the events of one login are: the app's login page may report a use before its login is through.
const aMoment = int64(time.Second)

// Login is the first use of the token by a user, where the token itself was used before without one, and those uses; nil where there was
// no such thing.
func (s *Session) Login() (login *Use, before []*Use) {
	for i := range s.Uses {
		u := &s.Uses[i]
		if u.Inherited {
			continue
		}
		if u.Named() {
			login = u
			break
		}
		if u.Anonymous() {
			before = append(before, u)
		}
	}
	if login == nil || !login.Accepted || millis(login.Time) > s.named {
		return nil, nil
	}
	for len(before) > 0 && login.Time-before[len(before)-1].Time < aMoment {
		before = before[:len(before)-1]
	}
	if len(before) == 0 {
		return nil, nil
	}
	return login, before
}

// Turns are the login, as Login says, and the elevations of the token that are kept, newest first.
func (s *Session) Turns() (turns []*Use) {
	login, _ := s.Login()
	for i := len(s.Uses) - 1; i >= 0; i-- {
		if u := &s.Uses[i]; u == login || u.Elevated && u.Accepted && !u.Inherited {
			turns = append(turns, u)
		}
	}
	return turns
}

// Life is the number of the life that a use belongs to; see Epoch.
func (s *Session) Life(u *Use) int {
	if !s.ended {
		return s.epoch
	}
	return s.Epoch(u.Time, u.ID())
}
