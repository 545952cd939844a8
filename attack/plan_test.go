package attack

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

func planOf(process arrivals.Process, s arrivals.Shape, d time.Duration) *Plan {
	return &Plan{
		Seed: 42, Arrivals: process, Timeout: time.Second, MaxInFlight: 10,
		Stages:   []Stage{{Name: "only", For: d, Shape: s}},
		Requests: []Request{{Name: "a", Weight: 1, URL: "http://target/"}},
	}
}
