package observe

import (
	"context"
	"encoding/json"
	"fmt"
	neturl "net/url"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// Prometheus is a query of the instant query API, which others than Prometheus have too.
type Prometheus struct {
	URL   string  `json:"url" required:"true" vars:"addr" doc:"where Prometheus is, such as http://127.0.0.1:9090: the API is below it"`
	Query string  `json:"query" required:"true" doc:"what is asked, such as sum(rate(http_requests_total[1m])); one value must come of it"`
	Sent  Headers `json:"headers,omitempty" vars:"addr" doc:"headers by name"`
}

var _ Spec = (*Prometheus)(nil)

// Validate implements Spec.
func (p *Prometheus) Validate() fielderr.List { return validURL(p.URL) }

// Expanded implements Spec.
func (p *Prometheus) Expanded(expand func(string) string) Spec {
	return &Prometheus{expand(p.URL), p.Query, p.Sent.expanded(expand)}
}

// Asks implements Spec.
func (p *Prometheus) Asks() string { return p.URL }

// Headers implements Spec.
func (p *Prometheus) Headers() []payload.Field { return p.Sent }

// Texts implements Spec.
func (p *Prometheus) Texts() []string { return []string{p.URL, p.Query} }

// String implements Spec.
func (p *Prometheus) String() string { return p.Query + " of " + secret.Mask(p.URL) }

// Open implements Spec.
func (p *Prometheus) Open(env SourceEnv) (Source, error) {
	u, err := neturl.Parse(p.URL)
	if err != nil {
		return nil, plain(err)
	}
	u = u.JoinPath("api/v1/query")
	q := u.Query()
	q.Set("query", p.Query)
	u.RawQuery = q.Encode()
	return func(ctx context.Context) (float64, error) {
		_, body, err := fetch(ctx, env.Client, u.String(), "application/json", p.Sent)
		if err != nil {
			// A query that is wrong is answered with a status other than 200, and why.
			var a prometheusAnswer
			if json.Unmarshal(body, &a) == nil && a.Error != "" {
				return 0, fmt.Errorf("%w: %s", err, plaintext.Clip(a.Error, 160))
			}
			return 0, err
		}
		return parsePrometheus(body)
	}, nil
}

// prometheusAnswer is what the API answers.
type prometheusAnswer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Data   struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	} `json:"data"`
}

// parsePrometheus reads the one value of an answer.
func parsePrometheus(body []byte) (float64, error) {
	var a prometheusAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		return 0, fmt.Errorf("expected an answer of the query API, found %s", shown(string(body)))
	}
	if a.Status != "success" {
		return 0, fmt.Errorf("the query failed: %s", plaintext.Clip(a.Error, 160))
	}
	switch a.Data.Type {
	case "vector":
		var series []struct {
			Value prometheusValue `json:"value"`
		}
		if err := json.Unmarshal(a.Data.Result, &series); err != nil {
			return 0, fmt.Errorf("expected a vector, found %s", shown(string(a.Data.Result)))
		}
		switch len(series) {
		case 0:
			return 0, noFigure("the query finds nothing")
		case 1:
			return number(series[0].Value.text)
		}
		return 0, noFigure("the query finds %d series: make one of them with sum(), max() or avg()",
			len(series))
	case "scalar":
		var v prometheusValue
		if err := json.Unmarshal(a.Data.Result, &v); err != nil {
			return 0, fmt.Errorf("expected a scalar, found %s", shown(string(a.Data.Result)))
		}
		return number(v.text)
	}
	return 0, fmt.Errorf("the query has a %s as its result: ask for an instant vector or a scalar",
		strings.TrimSpace(a.Data.Type))
}

// prometheusValue is a pair of a time and a value, which is a text.
type prometheusValue struct{ text string }

// UnmarshalJSON implements json.Unmarshaler.
func (v *prometheusValue) UnmarshalJSON(b []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("expected a time and a value, found %d values", len(pair))
	}
	return json.Unmarshal(pair[1], &v.text)
}
