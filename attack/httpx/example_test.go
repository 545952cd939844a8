package httpx_test

import (
	"fmt"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// What is wrong with a request is said before anything is sent.
func ExampleRequest_Validate() {
	data, err := payload.NewData([]map[string]string{{"sku": "a1"}, {"SKU": "b2"}})
	if err != nil {
		panic(err)
	}
	r := httpx.Request{Method: "POST", URL: "/checkout", JSON: `{"sku": "{{ .sku }}", "qty": 1}`}
	for _, mistake := range r.Validate(data, nil) {
		fmt.Printf("at %s: %s\n", mistake.Path, mistake)
	}
	// Output: at json: with data row 2: json: the data row has no column "sku"
}
