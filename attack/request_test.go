package attack_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
)

// Plans of before and of now are the same bytes: digests and diffs rely on that.
func TestRequestsPrintAsEver(t *testing.T) {
	rows, err := payload.NewData([]map[string]string{{"a": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		r    attack.Request
		want string
	}{
		"HTTP": {
			attack.Request{
				Name: "a&b", Weight: 2, Timeout: time.Second, Protocol: httpx.Name,
				Spec: &httpx.Request{
					Method: "POST", URL: "/<x>", Body: "b",
					Query: []payload.Field{{Name: "q", Value: "1"}},
				},
			},
			`{"name":"a&b","weight":2,"method":"POST","url":"/<x>","query":[{"name":"q","value":"1"}],` +
				`"body":"b","timeout":1000000000,"expect":{}}`,
		},
		"a target list": {
			attack.Request{Name: "a", Protocol: httpx.Name, Spec: &httpx.Request{
				Targets: httpx.Targets{{Method: "GET", URL: "/"}},
			}},
			`{"name":"a","weight":0,"timeout":0,"expect":{},"targets":{"count":1,"sha256":` +
				`"7dc2bbd4b75650e5f991236c96fcbf5f3755c4dc7866e6e7a14bc285e3aa4a8f"}}`,
		},
		"another protocol": {
			attack.Request{Name: "a", Weight: 1, Data: rows, Protocol: tcp.Name, Spec: &tcp.Request{
				Send: "<&>",
			}},
			`{"name":"a","weight":1,"timeout":0,"expect":{},"data":` + text(t, rows) +
				`,"protocol":"tcp","spec":{"send":"<&>"}}`,
		},
	} {
		if diff := cmp.Diff(c.want, text(t, c.r)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// text is the JSON of v as plan.json has it.
func text(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
