package observe

import (
	"context"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// JSONAt is a value of a JSON document that a URL answers with.
type JSONAt struct {
	URL  string  `json:"url" required:"true" vars:"addr" doc:"what is asked, such as http://${NAME.addr}/stats"`
	Path string  `json:"path" required:"true" doc:"JSON path (RFC 9535) of the number, such as $.queue.depth"`
	Sent Headers `json:"headers,omitempty" vars:"addr" doc:"headers by name"`
}

var _ Spec = (*JSONAt)(nil)

// Validate implements Spec.
func (j *JSONAt) Validate() fielderr.List {
	return append(validURL(j.URL), validPath("path", j.Path)...)
}

// Expanded implements Spec.
func (j *JSONAt) Expanded(expand func(string) string) Spec {
	return &JSONAt{expand(j.URL), j.Path, j.Sent.expanded(expand)}
}

// Asks implements Spec.
func (j *JSONAt) Asks() string { return j.URL }

// Headers implements Spec.
func (j *JSONAt) Headers() []payload.Field { return j.Sent }

// Texts implements Spec.
func (j *JSONAt) Texts() []string { return []string{j.URL} }

// String implements Spec.
func (j *JSONAt) String() string { return j.Path + " of " + secret.Mask(j.URL) }

// Open implements Spec.
func (j *JSONAt) Open(env SourceEnv) (Source, error) {
	taker, err := newTaker(j.Path)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (float64, error) {
		_, body, err := fetch(ctx, env.Client, j.URL, "application/json", j.Sent)
		if err != nil {
			return 0, err
		}
		return jsonNumber(taker, body)
	}, nil
}
