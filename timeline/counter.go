package timeline

// Counter is something that is counted of a call: a row of Counters.
type Counter int

// The counters. A new one is a line here, its row in Counters, and the line that counts it:
// see docs/develop/counter.md.
const (
	Redirects Counter = iota // that were followed

	counterCount
)

// Counts say how often each Counter was met in one call, by Counter.
type Counts [counterCount]uint32

// CallCounter is an entry of the registry of counters.
type CallCounter struct {
	// Name stands in recordings, in summary.json and in rules. It is never changed, as
	// recordings are read by it.
	Name string
	Doc  string // what is counted, for people
}

// Counters is the registry of what is counted of calls, by Counter. Bytes, and how calls ended,
// are not among it: every call has these.
func Counters() [counterCount]CallCounter {
	return [counterCount]CallCounter{
		Redirects: {Name: "redirects", Doc: "redirects that were followed"},
	}
}

// Counted are the sums of a Stats, by Counter.
type Counted [counterCount]uint64

// Add adds what was counted in one call.
func (c *Counted) Add(call *Counts) {
	for i, n := range call {
		c[i] += uint64(n)
	}
}

// Merge adds o.
func (c *Counted) Merge(o *Counted) {
	for i, n := range o {
		c[i] += n
	}
}

// Named is what was counted, by name; nil if nothing was.
func (c *Counted) Named() map[string]uint64 {
	var out map[string]uint64
	for i, row := range Counters() {
		if c[i] == 0 {
			continue
		}
		if out == nil {
			out = make(map[string]uint64)
		}
		out[row.Name] = c[i]
	}
	return out
}

// RestoreCounted reads back what Named returned. What this version does not know is left out.
func RestoreCounted(named map[string]uint64) (c Counted) {
	for i, row := range Counters() {
		c[i] = named[row.Name]
	}
	return c
}
