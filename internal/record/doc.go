// Package record records a run: it takes the results of the attack, the events of faults, and what
// observers saw, and writes the timeline files of the run directory. Load reads these back.
//
// # Which interval
//
// An arrival belongs to the interval of its intended time. Intervals are bounded
// by whole seconds, by the ends of stages, and by the instants of Mark. An
// arrival is put into an interval only when its intended time has passed on the
// recorder's clock, read under the lock that Mark takes to cut; a cut is made at
// the present and never before an instant that was read earlier. So the bounds
// around an arrival are final when it is sorted in. It lies on its own side of every cut, however
// late its result comes, and in whatever order arrivals are planned. Only answers, from which rates
// are computed, are counted in the interval in which they came.
//
// # Memory
//
// Workers append results to the buffer of their shard. A full buffer is folded
// into one set of histograms an interval, while the shard goes on with another;
// there are no histograms per shard, as one of them takes 180 KB. A complete interval is written at
// once, and its histograms are used again. An interval that waits for slow answers is written when
// the longest timeout has passed, or earlier if more than a bounded number of histograms is in use.
// A result that comes after its interval was written starts another part of it: an interval can
// have any number of parts in the files, and Load adds them up. Nothing grows with the number of
// requests or the length of the run, except for 8 bytes a Mark.
//
// # Sealed intervals
//
// An interval is sealed once all that came due in it is over and stayed so for a second in
// which the process ran, or once it is older than the longest timeout; and all before it are
// sealed. Subscribers get sealed intervals in order of time, whole. One that was written in
// parts they read from the files, and so they read intervals that their own short queue had no room
// for.
//
// # Files
//
// timeline.jsonl holds a JSON object a line: a header, then intervals, events and what observers
// saw (readings) as they come, and an end, which says how many lines of each type came before it:
// a recording with other numbers is refused. Readings are never held in memory: the judge streams
// them from the file, also while it is written. intervals.hlog is an HdrHistogram log, V2
// compressed, values in nanoseconds, tags stage/request/distribution with each part percent-
// encoded, and stage/flow/distribution/whole for whole flows. The lines of an interval in
// timeline.jsonl and its lines in intervals.hlog follow in the same order; a line without a tag
// after them is the sum of the interval's response times, for other tools. samples.jsonl holds
// answers that were not as expected, if there were any, a bounded number of each kind, drawn from
// the whole run; it is written anew now and then, and at the end.
package record
