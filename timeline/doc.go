// Package timeline is the vocabulary that load, faults and verdict share: what
// happened in a run, on one clock.
//
// All times are offsets from the start of the run. A run is cut into
// intervals of at most one second, cut again at every instant at which a disturbance
// began or ceased, so that each interval lies wholly in
// or out of every Window that can be asked about. An interval holds one Stats
// for each request name and stage, and a request belongs to the interval of its
// intended time, never to that of its answer. Requests that were still open at a
// cut are in cells of their own, which say until which cut: so every request is
// known to have ended before a disturbance, to have met it, or to have come after it.
//
// Values in this package are not safe for concurrent use unless they say so;
// whoever records into one owns it.
package timeline
