package observe

// ReadPage finds a figure in a page, for tests.
func ReadPage(o *OpenMetrics, page []byte) (float64, error) { return o.read(page) }

// ParsePrometheus reads an answer of the query API, for tests.
var ParsePrometheus = parsePrometheus
