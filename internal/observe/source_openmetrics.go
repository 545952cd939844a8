package observe

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// OpenMetrics is a sample of a page in the text format of Prometheus or OpenMetrics.
type OpenMetrics struct {
	URL    string            `json:"url" required:"true" vars:"addr" doc:"the page, such as http://${NAME.addr}/metrics"`
	Metric string            `json:"metric" required:"true" doc:"name of the sample, such as http_requests_total or latency_seconds_sum"`
	Labels map[string]string `json:"labels,omitempty" doc:"labels that it must have"`
	Take   string            `json:"take,omitempty" default:"one" enum:"one,sum,max,min" doc:"what is taken of several samples that fit: one, if there may be no more, their sum, or the greatest or least"`
	Sent   Headers           `json:"headers,omitempty" vars:"addr" doc:"headers by name"`
}

var _ Spec = (*OpenMetrics)(nil)

// Validate implements Spec.
func (o *OpenMetrics) Validate() fielderr.List {
	wrong := validURL(o.URL)
	if !model.LegacyValidation.IsValidMetricName(o.Metric) {
		e := fielderr.At(
			fielderr.Field("metric"),
			"metric: expected a name of letters, digits, _ and :, found %q",
			plaintext.Clip(o.Metric, 60),
		)
		wrong = append(wrong, e.WithHint("labels stand beside it: labels: { path: /cart }"))
	}
	return wrong
}

// Expanded implements Spec.
func (o *OpenMetrics) Expanded(expand func(string) string) Spec {
	out := *o
	out.URL, out.Sent = expand(o.URL), o.Sent.expanded(expand)
	return &out
}

// Asks implements Spec.
func (o *OpenMetrics) Asks() string { return o.URL }

// Headers implements Spec.
func (o *OpenMetrics) Headers() []payload.Field { return o.Sent }

// Texts implements Spec.
func (o *OpenMetrics) Texts() []string { return []string{o.URL} }

// String implements Spec.
func (o *OpenMetrics) String() string { return o.selector() + " of " + secret.Mask(o.URL) }

// selector is what is looked for, as Prometheus writes it.
func (o *OpenMetrics) selector() string {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(o.Labels)) {
		labels = append(labels, fmt.Sprintf("%s=%q", name, o.Labels[name]))
	}
	if labels == nil {
		return o.Metric
	}
	return o.Metric + "{" + strings.Join(labels, ",") + "}"
}

// accepts says what a page may be: of both formats the samples are read alike.
const accepts = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1"

// Open implements Spec.
func (o *OpenMetrics) Open(env SourceEnv) (Source, error) {
	return func(ctx context.Context) (float64, error) {
		_, body, err := fetch(ctx, env.Client, o.URL, accepts, o.Sent)
		if err != nil {
			return 0, err
		}
		return o.read(body)
	}, nil
}

// read finds the figure in a page.
func (o *OpenMetrics) read(page []byte) (float64, error) {
	lines, err := o.samples(page)
	if err != nil {
		return 0, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(lines))
	if err != nil {
		return 0, noFigure("the page cannot be read: %s", plaintext.Line(err.Error()))
	}
	var found []float64
	for _, family := range families {
		samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, family)
		if err != nil {
			return 0, noFigure("the page cannot be read: %s", plaintext.Line(err.Error()))
		}
		for _, s := range samples {
			if o.fits(s.Metric) {
				found = append(found, float64(s.Value))
			}
		}
	}
	if len(found) == 0 {
		return 0, noFigure("the page has no %s", o.selector())
	}
	switch o.Take {
	case "sum":
		sum := 0.0
		for _, v := range found {
			sum += v
		}
		return sum, nil
	case "max":
		return slices.Max(found), nil
	case "min":
		return slices.Min(found), nil
	}
	if len(found) > 1 {
		return 0, noFigure("the page has %d samples of %s: name more labels, or say take: sum",
			len(found), o.selector())
	}
	return found[0], nil
}

// samples are the lines of the page with samples of the metric, without time and exemplar, and
// without types: so each is one of its own name, whatever family it belongs to, and the parser of
// the older format reads them. That of OpenMetrics takes milliseconds for each line.
func (o *OpenMetrics) samples(page []byte) ([]byte, error) {
	var out []byte
	for line := range bytes.Lines(page) {
		rest, ok := bytes.CutPrefix(line, []byte(o.Metric))
		if !ok || len(rest) == 0 || !bytes.ContainsRune([]byte("{ \t"), rune(rest[0])) {
			continue
		}
		labels := 0
		if rest[0] == '{' {
			labels = endOfLabels(rest)
		}
		fields := bytes.Fields(rest[labels:])
		if len(fields) == 0 || rest[0] == '{' && labels == 0 {
			return nil, noFigure("the page cannot be read: a line of %s has no value", o.Metric)
		}
		out = append(append(out, o.Metric...), rest[:labels]...)
		out = append(append(append(out, ' '), fields[0]...), '\n')
	}
	return out, nil
}

// endOfLabels is where labels end that begin with {, 0 if they do not.
func endOfLabels(s []byte) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == '}':
			return i + 1
		}
	}
	return 0
}

func (o *OpenMetrics) fits(m model.Metric) bool {
	if string(m[model.MetricNameLabel]) != o.Metric {
		return false
	}
	for name, value := range o.Labels {
		if string(m[model.LabelName(name)]) != value {
			return false
		}
	}
	return true
}
