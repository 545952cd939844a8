package attack_test

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

// A ramp from nothing: the arrivals come closer and closer, the same ones each
// time.
func ExamplePlan_Schedule() {
	p := &attack.Plan{
		Seed:     42,
		Arrivals: arrivals.Uniform,
		Stages:   []attack.Stage{{Name: "ramp", For: 2 * time.Second, Shape: arrivals.Ramp{From: 0, To: 4}}},
		Requests: []attack.Request{{Name: "browse", Weight: 1}},
	}
	for a := range p.Schedule() {
		fmt.Println(a.Seq, a.Intended.Round(time.Millisecond))
	}
	// Output:
	// 0 0s
	// 1 1s
	// 2 1.414s
	// 3 1.732s
}

// What is wrong with a request is said before anything is sent.
func ExampleRequest_Validate() {
	data, err := attack.NewData([]map[string]string{{"sku": "a1"}, {"SKU": "b2"}})
	if err != nil {
		panic(err)
	}
	r := attack.Request{
		Name: "checkout", Method: "POST", URL: "/checkout",
		JSON: `{"sku": "{{ .sku }}", "qty": 1}`,
		Data: data,
	}
	for _, mistake := range r.Validate() {
		fmt.Printf("at %s: %s\n", mistake.Path, mistake)
	}
	// Output: at json: with data row 2: json: the data row has no column "sku"
}
