// Package confidence says how far what was observed of a run may lie from what is true of the
// system: intervals of shares and of percentiles, from samples that come in bursts.
//
// # Independent samples
//
// Share is the exact interval of Clopper and Pearson ("The use of confidence or fiducial limits
// illustrated in the case of the binomial", Biometrika 26, 1934). Quantile is the interval between
// two order statistics, which supposes nothing of how the values are distributed (David and
// Nagaraja, "Order Statistics", 2003, section 7.1).
//
// # Samples in bursts
//
// Requests of one burst fail together, so that a thousand of them say no more than a few.
// Effective is how many independent samples they are worth. The run is cut into blocks of time.
// With n samples in B blocks of which k were so, p = k/n, and in block b n_b samples of which k_b,
//
//	v    = B/(B−1) · Σ (k_b − p·n_b)² / n²    the variance of p as a ratio of sums
//	deff = v / (p·(1−p)/n)                    the design effect
//	n*   = n/deff · (t(n−1)/t(B−1))²          t: quantiles of Student's distribution
//
// and the interval is that of n* independent samples of which p·n* were so: Korn and Graubard,
// "Confidence intervals for proportions with small expected number of positive counts estimated
// from survey data", Survey Methodology 24, 1998. It holds if blocks are longer than bursts. How
// long bursts are is not known, so the least n* is taken of blocks of every length that is a
// power of two times that of the given ones, for as long as there are MinBlocks of them. Two
// corrections make it hold for what is left:
//
//   - Bursts that are longer than the longest blocks make neighbours alike. With r their
//     correlation (less its bias of −1/B), v grows by (1+r)/(1−r), as it does in a process whose
//     memory fades evenly (Bayley and Hammersley, "The effective number of independent
//     observations in an autocorrelated time series", 1946). r is taken to be at most 0.6: ten
//     blocks tell no more.
//   - A few bursts of unlike size seem more alike than they are: of m bursts whose sizes are
//     exponential, Σs²/Σs is expected to be 2m/(m+1) times their mean size, and 2 times it is
//     true. x = k/deff is about (m+1)/2, so what deff has above 1 grows by (m+1)/m = 2x/(2x−1).
//
// # Few bursts
//
// All this takes the share to be about as likely to be above the true one as below it. Of few
// bursts that is not so: where three are to be expected, one run in twenty has none. Bursts takes
// what stands out of the usual block, in neighbours together, for bursts that come independently of
// each other, of sizes s. x = (Σs)²/Σs² − 1/2 is how many of one size they are like; as many as the
// upper end of Poisson's interval for x may be expected, and Σs grows in proportion (a compound
// Poisson process; for the interval see Garwood, "Fiducial limits for the Poisson distribution",
// Biometrika 28, 1936). The wider of both intervals counts.
//
// What does not show in the samples is in no interval: of a burst that comes once in an hour, ten
// minutes without one say nothing. docs/verdicts.md has how often the intervals miss the truth.
package confidence

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// MinBlocks is how many blocks an interval needs at least: a variance of fewer is hardly known.
const MinBlocks = 10

// Level is that of intervals for which nobody asked for another.
const Level = 0.95

// Share is the interval of a share, in 0..1, of which k of n independent samples were so; neither
// needs to be whole. level is how often such intervals hold the true share, such as 0.95. Without
// samples it is all of 0..1.
func Share(k, n, level float64) (low, high float64) {
	tail := (1 - level) / 2
	low, high = 0, 1
	if n <= 0 {
		return low, high
	}
	if n > most {
		k, n = k*(most/n), most
	}
	if k > 0 {
		low = betaQuantile(tail, k, n-k+1)
	}
	if k < n {
		high = betaQuantile(1-tail, k+1, n-k)
	}
	return low, high
}

// most is how many samples are counted at most: with more, the incomplete beta function is not
// computed well, and the interval of so many is narrower than a bucket of a histogram.
const most = 1e8

// betaQuantile inverts the distribution of Beta(a, b) by halving: slower than Newton's method, and
// right for every a and b.
func betaQuantile(p, a, b float64) float64 {
	return invert(func(x float64) float64 { return mathext.RegIncBeta(a, b, x) }, 0, 1, p)
}

// invert finds where an increasing function reaches p, from above.
func invert(f func(float64) float64, low, high, p float64) float64 {
	for range 200 {
		middle := low + (high-low)/2
		if middle <= low || middle >= high || high-low < 1e-12*high {
			break
		}
		if f(middle) < p {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// Quantile is the interval of the q-quantile, q in 0..1, of n independent samples. Its ends are
// positions among the sorted samples, as shares of all of them: the q-quantile lies between the
// low- and the high-quantile of the sample. A low of 0 or a high above 1 says that so few samples
// do not bound it there.
func Quantile(q, n, level float64) (low, high float64) {
	tail := (1 - level) / 2
	n = min(n, most)
	// Of n samples Bin(n, q) lie below the q-quantile, and P(Bin ≤ r−1) = I(1−q; n−r+1, r).
	below := func(r float64) float64 { return mathext.RegIncBeta(n-r+1, r, 1-q) }
	low, high = 0, math.Inf(1)
	if n <= 0 {
		return low, high
	}
	// The sample of rank r is above the quantile if at most r−1 lie below it.
	if below(n) >= 1-tail {
		high = invert(below, 0, n, 1-tail) / n
	}
	// It is at most the quantile if at least r lie below it.
	if n >= 1 && below(1) <= tail {
		low = (n + 1 - invert(func(x float64) float64 { return -below(n + 1 - x) }, 1, n, -tail)) / n
	}
	return low, high
}

// Block is what came due in a stretch of time: N samples, of which K were so.
type Block struct{ N, K float64 }

// Effective is how many independent samples those of successive blocks of one length are worth,
// for an interval of this level; false if fewer than MinBlocks of them have samples. Blocks without
// samples are left out.
func Effective(blocks []Block, level float64) (float64, bool) {
	kept := make([]Block, 0, len(blocks))
	var n, k float64
	for _, b := range blocks {
		if b.N > 0 {
			kept = append(kept, b)
			n, k = n+b.N, k+b.K
		}
	}
	if len(kept) < MinBlocks {
		return 0, false
	}
	least := n
	if k <= 0 || k >= n {
		return least, true // without a difference there is no design effect
	}
	for whole := len(kept); whole >= MinBlocks; whole /= 2 {
		least = min(least, effective(kept, n, k, level))
		kept = pairs(kept)
	}
	return least, true
}

// Bursts is the interval of a share that allows for few bursts, and for nothing else: where no
// block stands out its ends are the share that was observed. See the package's comment.
func Bursts(blocks []Block, level float64) (low, high float64) {
	kept := make([]Block, 0, len(blocks))
	others := make([]Block, 0, len(blocks)) // of what was not so
	var n, k float64
	for _, b := range blocks {
		if b.N > 0 {
			kept, others = append(kept, b), append(others, Block{b.N, b.N - b.K})
			n, k = n+b.N, k+b.K
		}
	}
	if n == 0 {
		return 0, 1
	}
	low, high = k/n, k/n
	for whole := len(kept); whole >= MinBlocks; whole /= 2 {
		high = max(high, k/n+surplus(kept, level)/n)
		low = min(low, k/n-surplus(others, level)/n)
		kept, others = pairs(kept), pairs(others)
	}
	return max(low, 0), min(high, 1)
}

// surplus is how many more may be expected to be so than were, if as many bursts came as did.
func surplus(blocks []Block, level float64) float64 {
	usual := medianShare(blocks)
	var sum, squares, size float64
	add := func() {
		sum, squares, size = sum+size, squares+size*size, 0
	}
	for _, b := range blocks {
		over := b.K - usual*b.N
		if over <= standsOut*math.Sqrt(usual*(1-usual)*b.N) {
			add()
			continue
		}
		size += over
	}
	add()
	if sum == 0 {
		return 0
	}
	count := sum * sum / squares
	if squares > sum {
		count = max(count-0.5, 0.5)
	}
	most := mathext.GammaIncRegInv(count+1, 1-(1-level)/2)
	return sum * (most/count - 1)
}

// standsOut is by how many standard deviations a block must be off to be a part of a burst.
const standsOut = 2.5

// medianShare is the share of the usual block.
func medianShare(blocks []Block) float64 {
	shares := make([]float64, len(blocks))
	for i, b := range blocks {
		shares[i] = b.K / b.N
	}
	slices.Sort(shares)
	return shares[len(shares)/2]
}

// pairs joins each block with its neighbour, in place; of an odd number the last is left alone.
func pairs(blocks []Block) []Block {
	out := blocks[:0]
	for i := 0; i < len(blocks); i += 2 {
		b := blocks[i]
		if i+1 < len(blocks) {
			b.N, b.K = b.N+blocks[i+1].N, b.K+blocks[i+1].K
		}
		out = append(out, b)
	}
	return out
}

// longestMemory bounds the correlation of neighbours, see the package's comment.
const longestMemory = 0.6

// effective is the effective number of n samples, of which k were so, by blocks of one length.
func effective(blocks []Block, n, k, level float64) float64 {
	count, p := float64(len(blocks)), k/n
	var squares, products, last float64
	for _, b := range blocks {
		d := b.K - p*b.N
		squares, products, last = squares+d*d, products+d*last, d
	}
	if squares == 0 {
		return n
	}
	v := count / (count - 1) * squares / (n * n)
	if r := min(products/squares+1/count, longestMemory); r > 0 {
		v *= (1 + r) / (1 - r)
	}
	deff := v / (p * (1 - p) / n)
	if deff > 1 {
		x := max(min(k, n-k)/deff, 1)
		deff = 1 + (deff-1)*2*x/(2*x-1)
	}
	ratio := studentQuantile(level, n-1) / studentQuantile(level, count-1)
	return n / deff * ratio * ratio
}

// studentQuantile is how many standard errors an interval of this level reaches to either side.
func studentQuantile(level, freedom float64) float64 {
	if freedom > 1e6 {
		return distuv.UnitNormal.Quantile(1 - (1-level)/2)
	}
	return distuv.StudentsT{Sigma: 1, Nu: max(freedom, 1)}.Quantile(1 - (1-level)/2)
}
