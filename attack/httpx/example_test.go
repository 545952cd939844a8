package httpx_test

import (
	"fmt"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// What is wrong with a request is said before anything is sent.
func ExampleValidate() {
	data, err := payload.NewData([]map[string]string{{"sku": "a1"}, {"SKU": "b2"}})
	if err != nil {
		panic(err)
	}
	r := attack.Request{
		Name: "checkout", Method: "POST", URL: "/checkout",
		JSON: `{"sku": "{{ .sku }}", "qty": 1}`,
		Data: data,
	}
	for _, mistake := range httpx.Validate(&r) {
		fmt.Printf("at %s: %s\n", mistake.Path, mistake)
	}
	// Output: at json: with data row 2: json: the data row has no column "sku"
}
