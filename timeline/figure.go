package timeline

// SubjectKind is what sort of thing is observed beside the load: a row of SubjectKinds.
type SubjectKind string

// The kinds of subjects. A new one is a line here and its row in SubjectKinds.
const (
	ServiceSubject SubjectKind = "service" // of the scenario, or watched
	ProbeSubject   SubjectKind = "probe"   // a request that is asked all the time, load or no load
	MetricSubject  SubjectKind = "metric"  // a figure from outside
	LedgerSubject  SubjectKind = "ledger"  // writes that are read back after the last fault
)

// ObservedKind is an entry of the registry of kinds of subjects.
type ObservedKind struct {
	Kind SubjectKind
	Doc  string // what it is, for people
	// Own is the figure that an aggregate is of which follows the subject itself:
	// metric("age").last. HasOwn says that there is one.
	Own    Figure
	HasOwn bool
	// WholeRun says that its figures are of all the run: they are known only after the load, and
	// no part of the run has figures of its own.
	WholeRun bool
}

// SubjectKinds is the registry of what is observed, in the order in which it is told to people.
func SubjectKinds() []ObservedKind {
	return []ObservedKind{
		{Kind: ServiceSubject, Doc: "a service of the scenario, or one that it watches"},
		{Kind: ProbeSubject, Doc: "a request that is asked all the time, load or no load",
			Own: ProbeTime, HasOwn: true},
		{Kind: MetricSubject, Doc: "a figure from outside", Own: MetricValue, HasOwn: true},
		{Kind: LedgerSubject, Doc: "writes that are read back after the last fault", WholeRun: true},
	}
}

// Row is the kind's entry in SubjectKinds; the zero one if it has none.
func (k SubjectKind) Row() ObservedKind {
	for _, row := range SubjectKinds() {
		if row.Kind == k {
			return row
		}
	}
	return ObservedKind{}
}

// Unit is what a figure is measured in. It stands in recordings and in scenarios.
type Unit string

// The units, and the measure in which a reading has them.
const (
	UnitNumber      Unit = "number"           // a plain number
	UnitDuration    Unit = "duration"         // nanoseconds
	UnitFraction    Unit = "fraction"         // 1 is all
	UnitRate        Unit = "per_second"       // so many a second
	UnitBytes       Unit = "bytes"            // bytes
	UnitBytesPerSec Unit = "bytes_per_second" // bytes a second
)

// Units are all units.
func Units() []Unit {
	return []Unit{UnitNumber, UnitDuration, UnitFraction, UnitRate, UnitBytes, UnitBytesPerSec}
}

// Fold says how the readings of a figure make one figure of a stretch of time.
type Fold int

// The folds.
const (
	// Level is something that goes up and down. It has a greatest, a least, a mean,
	// percentiles, a first, a last, and a growth.
	Level Fold = iota
	// Sum is something that is counted. A reading says how often it happened since the one
	// before, and what a stretch of time has is their sum.
	Sum
	// ByTime is a share of time: a reading is 1 or 0, or something between, for as long as it
	// covers (Reading.Covers).
	ByTime
)

// Figure is something that is measured of a subject: a row of Figures.
type Figure int

// The figures. A new one is a line here, its row in Figures, and the line that measures it.
const (
	CPU Figure = iota
	CPUCores
	Memory
	MemoryBytes
	NetIn
	NetOut
	BlockRead
	BlockWrite
	Processes
	Files
	Healthy
	Restarts
	OOMKills

	Failures
	Uptime
	ProbeTime

	MetricValue

	LedgerAcknowledged
	LedgerRefused
	LedgerUnknown
	LedgerRead
	LedgerUnread
	LedgerLost
	LedgerPhantom
	LedgerDuplicated

	figureCount
)

// SubjectFigure is an entry of the registry of figures.
type SubjectFigure struct {
	// Name stands in recordings, in summary.json and in rules. It is never changed, as
	// recordings are read by it.
	Name string
	Kind SubjectKind // of the subjects that have it
	Unit Unit        // empty: each subject has its own, as metrics do
	Fold Fold
	// MoreIsBetter says that its worst is its least.
	MoreIsBetter bool
	Doc          string // what is measured, for people

	// derived makes it of others; nil of one that observers measure.
	derived func(*Values) (float64, bool)
}

// Derived says that the figure is made of others: observers do not set it.
func (f *SubjectFigure) Derived() bool { return f.derived != nil }

// Figures is the registry of what is measured of subjects, by Figure.
func Figures() [figureCount]SubjectFigure { return figures }

// Row is the figure's entry in Figures.
func (f Figure) Row() *SubjectFigure { return &figures[f] }

// String is the figure's name.
func (f Figure) String() string { return figures[f].Name }

// FigureOf finds a figure of a kind of subject by its name.
func FigureOf(kind SubjectKind, name string) (Figure, bool) {
	for i := range figures {
		if figures[i].Kind == kind && figures[i].Name == name {
			return Figure(i), true
		}
	}
	return 0, false
}

var figures = [figureCount]SubjectFigure{
	CPU: {
		Name: "cpu", Kind: ServiceSubject, Unit: UnitFraction,
		Doc: "CPU time, as a share of its limit, else of the machine",
	},
	CPUCores: {
		Name: "cpu_cores", Kind: ServiceSubject, Unit: UnitNumber,
		Doc: "CPU time, in cores",
	},
	Memory: {
		Name: "memory", Kind: ServiceSubject, Unit: UnitFraction,
		Doc: "working set, as a share of its limit, else of the machine's memory",
	},
	MemoryBytes: {
		Name: "memory_bytes", Kind: ServiceSubject, Unit: UnitBytes,
		Doc: "working set: what it holds, without the files that the kernel can drop",
	},
	NetIn: {
		Name: "net_in", Kind: ServiceSubject, Unit: UnitBytesPerSec,
		Doc: "bytes a second that it received",
	},
	NetOut: {
		Name: "net_out", Kind: ServiceSubject, Unit: UnitBytesPerSec,
		Doc: "bytes a second that it sent",
	},
	BlockRead: {
		Name: "block_read", Kind: ServiceSubject, Unit: UnitBytesPerSec,
		Doc: "bytes a second that it read from disks",
	},
	BlockWrite: {
		Name: "block_write", Kind: ServiceSubject, Unit: UnitBytesPerSec,
		Doc: "bytes a second that it wrote to disks",
	},
	Processes: {
		Name: "processes", Kind: ServiceSubject, Unit: UnitNumber,
		Doc: "processes that it has; where the engine tells no other number, with their threads",
	},
	Files: {
		Name: "files", Kind: ServiceSubject, Unit: UnitNumber,
		Doc: "files, sockets included, that its processes hold open",
	},
	Healthy: {
		Name: "healthy", Kind: ServiceSubject, Unit: UnitFraction, Fold: ByTime, MoreIsBetter: true,
		Doc: "share of the time in which its own health check said that it is healthy",
	},
	Restarts: {
		Name: "restarts", Kind: ServiceSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "how often it was started again, those times left out that a fault did it",
	},
	OOMKills: {
		Name: "oom_kills", Kind: ServiceSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "how often the kernel killed in it for want of memory",
	},
	Failures: {
		Name: "failures", Kind: ProbeSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "how often the answer was not as expected, or did not come in time",
	},
	Uptime: {
		Name: "uptime", Kind: ProbeSubject, Unit: UnitFraction, Fold: ByTime, MoreIsBetter: true,
		Doc: "share of the time in which the answer was as expected; " +
			"an answer counts until the next one is due",
		derived: func(v *Values) (float64, bool) {
			failures, ok := v.measured(Failures)
			return 1 - min(failures, 1), ok
		},
	},
	ProbeTime: {
		Name: "duration", Kind: ProbeSubject, Unit: UnitDuration,
		Doc: "time from when the probe was due to its whole answer, or to its failure",
	},
	MetricValue: {
		Name: "value", Kind: MetricSubject,
		Doc: "the figure, in the unit that the scenario declares",
	},
	LedgerAcknowledged: {
		Name: "acknowledged", Kind: LedgerSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "writes that the target acknowledged",
	},
	LedgerRefused: {
		Name: "refused", Kind: LedgerSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "writes that the target refused, with a status from 400 to 499",
	},
	LedgerUnknown: {
		Name: "unknown", Kind: LedgerSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "writes that were sent and neither acknowledged nor refused: each may be there or not",
	},
	LedgerRead: {
		Name: "read", Kind: LedgerSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "writes that were read back, and the answer said whether they are there",
	},
	LedgerUnread: {
		Name: "unread", Kind: LedgerSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "writes that were to be read back and were not, or of which no answer said " +
			"whether they are there",
	},
	LedgerLost: {
		Name: "lost", Kind: LedgerSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "acknowledged writes that are not there; at least so many, if some were not read back",
	},
	LedgerPhantom: {
		Name: "phantom", Kind: LedgerSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "refused writes that are there",
	},
	LedgerDuplicated: {
		Name: "duplicated", Kind: LedgerSubject, Unit: UnitNumber, Fold: Sum,
		Doc: "writes that are there more than once",
	},
}
