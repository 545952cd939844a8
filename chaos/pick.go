package chaos

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/seed"
)

// Choose draws the targets that a fault hits, sorted by name. The draw depends
// on the seed, the fault's name and the candidates' names, and not on their
// order: an engine lists its containers as it likes.
func Choose(p FaultPlan, candidates []Target, s uint64) ([]Target, error) {
	if len(candidates) == 0 {
		return nil, errors.New("nothing to break: its services have no targets")
	}
	n, err := p.Pick.of(len(candidates))
	if err != nil {
		return nil, err
	}
	byName := func(a, b Target) int { return strings.Compare(a.Name(), b.Name()) }
	out := slices.Clone(candidates)
	slices.SortStableFunc(out, byName)
	rng := seed.Stream(s, "chaos/"+p.Name)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	out = out[:n]
	slices.SortStableFunc(out, byName)
	return out, nil
}

// of says how many of n targets are picked.
func (p Pick) of(n int) (int, error) {
	switch {
	case p.Count < 0 || p.Fraction < 0 || p.Fraction > 1:
		return 0, fmt.Errorf(
			"expected a pick of at least one target, or of a share up to 100%%, found %+v",
			p,
		)
	case p.Count > n:
		return 0, fmt.Errorf(
			"expected at least as many targets as are picked, %d, found %d: pick fewer, or start more",
			p.Count,
			n,
		)
	case p.Count > 0:
		return p.Count, nil
	case p.Fraction > 0:
		// 30% of 10 is 3, although 0.3·10 is a little more than 3 for a computer.
		return max(1, int(math.Ceil(p.Fraction*float64(n)-1e-9))), nil
	}
	return n, nil
}
