package verdict

import "fmt"

// Reason is why a rule could not be decided, for programs; its Why says it for people.
type Reason string

// The reasons.
const (
	ReasonNothingDue  Reason = "nothing_due"
	ReasonNoData      Reason = "no_data"
	ReasonSource      Reason = "source"
	ReasonTooFew      Reason = "too_few"
	ReasonFault       Reason = "fault"
	ReasonNotSeen     Reason = "not_seen"
	ReasonTooEarly    Reason = "too_early"
	ReasonBetween     Reason = "between_arrivals"
	ReasonGenerator   Reason = "generator"
	ReasonConfidence  Reason = "confidence"
	ReasonBaseline    Reason = "baseline"
	ReasonTooLong     Reason = "too_long"
	ReasonBucket      Reason = "bucket"
	ReasonArithmetics Reason = "arithmetic"
)

// ReasonDoc is an entry of the list of reasons.
type ReasonDoc struct {
	Reason Reason
	Doc    string
}

// Reasons lists why a rule can be inconclusive.
func Reasons() []ReasonDoc {
	return []ReasonDoc{
		{ReasonNothingDue, "nothing was due in its scope"},
		{
			ReasonNoData,
			"what it asks for was not measured: no connection was opened, no answer was good",
		},
		{
			ReasonSource,
			"what observes a service, a probe or a metric gave no data for some of the time",
		},
		{
			ReasonTooFew,
			"too few arrivals for its percentile, or to tell its share from the limit; " +
				"or too few stretches of time for the `confidence` that it wants",
		},
		{
			ReasonFault,
			"a fault that it names was not seen to act, or not for as long as it was meant to",
		},
		{ReasonNotSeen, "the service's recovery was not seen"},
		{
			ReasonTooEarly,
			"the run, or the next fault, came before the figure was known: it is a lower bound",
		},
		{ReasonBetween, "what may have passed between two arrivals could turn it"},
		{ReasonGenerator, "the generator's own part in the figure could turn it"},
		{
			ReasonConfidence,
			"its limit lies within the interval of its figure, and it wants `confidence`",
		},
		{
			ReasonBaseline,
			"there is no earlier run to hold it against, or none that fits: of another load, with " +
				"other faults, from another class of machine, or with a generator that was not well",
		},
		{ReasonTooLong, "some response times were longer than is recorded"},
		{
			ReasonBucket,
			"the run did not count at its limit, which a histogram does not tell from the figure",
		},
		{ReasonArithmetics, "the rule divides by zero, or its figures are out of range"},
	}
}

// doubt is why something is not known: a reason, and what is said of it. The zero value is none.
type doubt struct {
	reason Reason
	text   string
}

func doubtf(reason Reason, format string, args ...any) doubt {
	return doubt{reason, fmt.Sprintf(format, args...)}
}

func (d doubt) any() bool { return d.text != "" }

// or is d, or o if there is none.
func (d doubt) or(o doubt) doubt {
	if d.any() {
		return d
	}
	return o
}
