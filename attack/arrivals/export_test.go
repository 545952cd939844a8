package arrivals

// What is compared with the closed forms of shapes, a parser that is fuzzed by itself, and
// bounds that tests stay on both sides of.
type (
	Exact    = exact
	Inverter = inverter
)

const (
	MaxTrace     = maxTrace
	MaxTraceSize = maxTraceSize
)

var (
	ParseTrace = parseTrace
	Search     = search
)
