package timeline

import "time"

// Second is a second of a run that goes on, for whoever watches it. An Interval goes by the time
// at which arrivals were due, and is whole only when the last of them is over. A Second goes by
// the time at which they were over: it says what is known when the second is.
type Second struct {
	Window
	Cells []SecondCell // sorted by Key; only those in which there is something
}

// SecondCell has the arrivals of one key in one second.
type SecondCell struct {
	Key
	// Stats are of the arrivals that were over in the second, but for Planned, which counts those
	// that came due in it. Only Done, Failed, Unsent, Answered, AnsweredOK, OK and Err are there.
	// What ordeal itself may have made is left out: arrivals that it cut off, errors that it may
	// have made, and its part of a response time.
	*Stats
	// Open are the arrivals that came due up to the end of the second and were not over when the
	// Second was asked for, oldest first.
	Open []OpenArrivals
}

// OpenArrivals are those that came due in one second.
type OpenArrivals struct {
	Due time.Duration // when that second began
	N   uint64
}
