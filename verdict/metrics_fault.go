package verdict

import (
	"time"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// faultMetrics are asked of a fault: fault("x").recovery. Of several injections
// of one name, recovery is the longest, and outage and relapses are sums.
func faultMetrics() []Metric {
	return []Metric{
		{
			Name: "recovery", Unit: rule.Duration, OfFault: true, biased: biasedRecovery,
			Doc: "time from the end of the disturbance to the first moment from which the service is normal for 5s: " +
				"a slice is one or more successive intervals with at least 20 judged " +
				"arrivals together, and is normal if its error rate is at most that before the " +
				"fault + 1 percentage point, its p95 at " +
				"most twice that before + 10ms, and if it met no silence of a second or more; what is normal can be set by `recovery`; " +
				"what comes later is a relapse; if the service was not normal for so long " +
				"before the next fault or the end of the load, " +
				"the time until it was last seen to be degraded is a lower bound",
			eval: func(v *View) (float64, bool) {
				if v.Fault == nil || v.Fault.Recovery == nil {
					return 0, false
				}
				return float64(*v.Fault.Recovery), true
			},
			bounded: func(v *View) bool { return v.Fault != nil && v.Fault.NotRecovered },
		},
		{
			Name: "detection", Unit: rule.Duration, OfFault: true, ofNotice: true,
			Doc: "time from when the disturbance began until something observed showed it: a probe " +
				"that failed or a service whose health check did, or what is said in parentheses: " +
				"`fault(\"x\").detection(metric(\"alerts\") > 0)`, `detection(probe(\"health\"))`, " +
				"`detection(service(\"api\").restarts > 0)`; of several injections the longest; if " +
				"nothing showed before the next fault or the end of the load, that time is a lower bound",
			eval: func(v *View) (float64, bool) {
				if v.Fault == nil || v.Fault.Detection == nil {
					return 0, false
				}
				return float64(*v.Fault.Detection), true
			},
		},
		{
			Name: "relapses", Unit: rule.Number, OfFault: true, biased: biasedRelapses,
			Doc: "how often the service was degraded again, after it had recovered, until the " +
				"next fault or the end of the load",
			eval: func(v *View) (float64, bool) {
				if v.Fault == nil || v.Fault.Recovery == nil {
					return 0, false
				}
				return float64(v.Fault.Relapses), true
			},
			bounded: func(v *View) bool { return v.Fault != nil && v.Fault.NotRecovered },
		},
		{
			Name: "outage", Unit: rule.Duration, OfFault: true, biased: biasedOutage,
			Doc: "for how long nobody was served, from the disturbance to the next fault or the " +
				"end of the load: from the due time of an arrival that went wrong, or was " +
				"kept waiting for a second longer than normal, until one was answered in time " +
				"again; it takes five arrivals in a row, or a second; stages that ask for " +
				"nothing or are not judged are left out; what may have passed between two " +
				"arrivals can leave a rule inconclusive, but for a limit of 0s",
			eval: func(v *View) (float64, bool) {
				if v.Fault == nil || v.Fault.Outage == nil {
					return 0, false
				}
				return float64(*v.Fault.Outage), true
			},
			bounded: func(v *View) bool { return v.Fault != nil && v.Fault.OutageOpen },
			unseen: func(v *View) time.Duration {
				if v.Fault == nil {
					return 0
				}
				return v.Fault.OutageUnseen
			},
		},
	}
}
