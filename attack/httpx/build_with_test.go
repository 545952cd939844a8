package httpx_test

import (
	"math"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

func TestBuildWith(t *testing.T) {
	r := attack.Request{Data: attacktest.Data([]map[string]string{{"own": "1", "id": "from the row"}}), Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://h/{{ .id }}", Headers: []payload.Field{{Name: "Authorization", Value: "Bearer {{ .token }}"}}, Query: []payload.Field{{Name: "q", Value: "{{ if .token }}{{ .own }}{{ end }}"}}}}
	b, err := httpx.New(&attack.Plan{Requests: []attack.Request{r}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c, err := b.BuildWith(attack.Arrival{}, &httpx.Caller{Values: attacktest.Values(map[string]string{"id": "7", "token": "t"})})
		if err != nil || c.URL != "http://h/7?q=1" || c.Header[0].Value != "Bearer t" {
			t.Errorf("found %+v, %v", c, err)
		}
		// What one flow has captured is nothing to the next.
		if _, err := b.BuildWith(attack.Arrival{}, &httpx.Caller{}); err == nil || !strings.Contains(err.Error(), `no column "token"`) {
			t.Errorf("without captures: found %v", err)
		}
	}
}

func TestValidateWithColumns(t *testing.T) {
	r := httpx.Request{URL: "http://h:{{ .port }}/{{ .id }}", Headers: []payload.Field{{Name: "X-N", Value: "{{ printf \"%s\" .token }}"}}, JSON: `{"id": "{{ .id }}"}`}
	var data *payload.Data
	validate := func(columns []string) error {
		_, wrong := r.ValidateRows(data, httpx.Columns{Names: columns}, math.MaxInt)
		return wrong.Err()
	}
	if err := validate([]string{"id", "token", "port"}); err != nil {
		t.Errorf("expected no error, found %v", err)
	}
	for _, c := range []struct {
		columns []string
		data    []map[string]string
		want    string
	}{
		{nil, nil, `url: the data row has no column "port" (the request has no data)`},
		{[]string{"port", "id"}, nil, `header X-N: the data row has no column "token" (the request has no data)`},
		{[]string{"port", "token"}, []map[string]string{{"id": "1"}, {"x": "1"}}, `with data row 2: url: the data row has no column "id"`},
	} {
		data = attacktest.Data(c.data)
		if err := validate(c.columns); err == nil || err.Error() != c.want {
			t.Errorf("with %q: expected %q, found %v", c.columns, c.want, err)
		}
	}
}
