package observe

import "net/http"

// ReadPage finds a figure in a page, for tests.
func ReadPage(o *OpenMetrics, header http.Header, page []byte) (float64, error) {
	return o.read(header, page)
}

// ParsePrometheus reads an answer of the query API, for tests.
var ParsePrometheus = parsePrometheus
