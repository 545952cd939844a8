package observe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
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

// accepts prefers the format that takes less to read.
const accepts = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1"

// Open implements Spec.
func (o *OpenMetrics) Open(env SourceEnv) (Source, error) {
	return func(ctx context.Context) (float64, error) {
		resp, body, err := fetch(ctx, env.Client, o.URL, accepts, o.Sent)
		if err != nil {
			return 0, err
		}
		return o.read(resp.Header, body)
	}, nil
}

// maxLine is how long a line of OpenMetrics can be: reading one takes time that grows faster
// than its length.
const maxLine = 4 << 10

// read finds the figure in a page.
func (o *OpenMetrics) read(header http.Header, page []byte) (float64, error) {
	lines, longest := o.lines(page)
	format := expfmt.ResponseFormat(header)
	if format.FormatType() == expfmt.TypeUnknown {
		format = expfmt.FmtText // as servers of plain files say anything
	}
	if format.FormatType() == expfmt.TypeOpenMetrics && longest > maxLine {
		return 0, noFigure(
			"a line of %s has %d bytes, and at most %d are read",
			o.Metric,
			longest,
			maxLine,
		)
	}
	decoder := expfmt.NewDecoder(bytes.NewReader(lines), format)
	var found []float64
	for {
		var family dto.MetricFamily
		err := decoder.Decode(&family)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, noFigure("the page cannot be read: %s", plaintext.Line(err.Error()))
		}
		samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, &family)
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

// lines are those of the page that speak of the metric, or of the family that it belongs to,
// and how long the longest is.
func (o *OpenMetrics) lines(page []byte) (out []byte, longest int) {
	family := o.Metric
	for _, suffix := range []string{"_total", "_sum", "_count", "_bucket", "_created"} {
		family = strings.TrimSuffix(family, suffix)
	}
	for line := range bytes.Lines(page) {
		if bytes.Contains(line, []byte(family)) || bytes.HasPrefix(line, []byte("# EOF")) {
			out = append(out, line...)
			longest = max(longest, len(line))
		}
	}
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, '\n') // which the format asks for, and not all have
	}
	return out, longest
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
