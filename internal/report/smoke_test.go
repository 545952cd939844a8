package report

import (
	"bytes"
	"testing"
	"time"
)

func smokes() map[string]*Smoke {
	checks := []SmokeCheck{
		{What: "request", Name: "browse", Did: "GET http://127.0.0.1:8080/products → 200", Took: 3 * ms, OK: true},
		{What: "request", Name: "buy/list", Did: "GET http://127.0.0.1:8080/products → 200", Took: 2 * ms, OK: true, Step: true},
		{What: "flow", Name: "buy", Did: "steps: 1", Took: 2 * ms, OK: true},
		{What: "fault", Name: "kill-api", Did: "kill of api-1 is prepared", OK: true},
		{What: "probe", Name: "health", Did: "can be observed", OK: true},
	}
	failed := append([]SmokeCheck{{
		What: "request", Name: "checkout", Did: "POST http://127.0.0.1:8080/checkout → 500", Took: 1200 * time.Millisecond,
		Found: "status: expected status 201, found 500",
	}}, checks...)
	return map[string]*Smoke{
		"smoke-passed": {Name: "shop survives a crash", Checks: checks},
		"smoke-failed": {Name: "shop\x1b[31m survives\na crash", Checks: failed},
	}
}

func TestSmokeGolden(t *testing.T) {
	for name, s := range smokes() {
		var b bytes.Buffer
		if err := WriteSmoke(&b, s, Style{Width: 60}); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", b.Bytes())
		if want := name == "smoke-passed"; s.OK() != want {
			t.Errorf("%s: OK is %t, want %t", name, s.OK(), want)
		}
	}
}
