package payload

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Shared are columns that all arrivals draw from, such as the token of a login before the run.
// They can change while arrivals are made; one arrival may draw old and new values. It is safe
// for concurrent use. A nil Shared has none.
type Shared struct {
	mu  sync.Mutex // held to change now
	now atomic.Pointer[Values]
}

// Take takes over the columns of v. Those of the same name are replaced.
func (s *Shared) Take(v *Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &Values{texts: maps.Clone(s.values().texts), kinds: maps.Clone(s.values().kinds)}
	for column, text := range v.texts {
		next.Set(column, text, v.kinds[column])
	}
	s.now.Store(next)
}

// values are the present ones; never nil.
func (s *Shared) values() *Values {
	if s != nil {
		if v := s.now.Load(); v != nil {
			return v
		}
	}
	return &noValues
}
