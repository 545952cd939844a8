// Package seed derives independent streams of random numbers from the one seed
// of a plan, one for each purpose: drawing more numbers for one purpose, or
// adding a purpose, changes no other.
package seed

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Stream returns the stream that belongs to name, such as "arrivals/0". It is
// ChaCha8 keyed with the SHA-256 of seed and name, so the same arguments give
// the same numbers on every machine. It is not safe for concurrent use.
func Stream(seed uint64, name string) *rand.Rand {
	b := make([]byte, 0, 8+len(name))
	return rand.New(
		rand.NewChaCha8(sha256.Sum256(append(binary.BigEndian.AppendUint64(b, seed), name...))),
	)
}

// Streams gives one stream after the other, and allocates nothing for it after
// the first. The zero value is ready; it is not safe for concurrent use.
type Streams struct {
	source rand.ChaCha8
	rng    *rand.Rand
	key    []byte
}

// Next returns what the function Stream does. The one before must not be used
// any more.
func (s *Streams) Next(seed uint64, name []byte) *rand.Rand {
	if s.rng == nil {
		s.rng = rand.New(&s.source)
	}
	s.key = append(binary.BigEndian.AppendUint64(s.key[:0], seed), name...)
	s.source.Seed(sha256.Sum256(s.key))
	return s.rng
}
