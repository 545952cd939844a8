package verdict

import "time"

// faultMetrics are asked of a fault: fault("x").recovery. Of several injections
// of one name, recovery is the worst and outage the sum.
func faultMetrics() []Metric {
	return []Metric{
		{
			Name: "recovery", Unit: UnitDuration, OfFault: true,
			Doc: "time from the verified revert to the first moment from which on the service is normal for good, that is " +
				"until the next fault or the end of the load; a slice is one or more successive intervals with at least 20 judged " +
				"arrivals together, and is normal if its error rate is at most that of before, but for the time of other faults, + 1 percentage point and its p95 at " +
				"most twice that of before + 10ms; three normal slices must stand at the end, else the service has not recovered, " +
				"and the time so far is a lower bound",
			eval: func(v *View) (float64, bool) {
				if v.Fault == nil || v.Fault.Recovery == nil {
					return 0, false
				}
				return float64(*v.Fault.Recovery), true
			},
			bounded: func(v *View) bool { return v.Fault != nil && v.Fault.NotRecovered },
		},
		{
			Name: "outage", Unit: UnitDuration, OfFault: true,
			Doc: "total length of the intervals, from the injection to the next fault or the end of the load, in which at least " +
				"half of the judged arrivals went wrong",
			eval: func(v *View) (float64, bool) {
				if v.Fault == nil || v.Fault.Injecting == nil {
					return 0, false
				}
				return float64(max(v.outage, time.Duration(0))), true
			},
		},
	}
}
