package httpx

import (
	"iter"

	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// trialRows are the rows of data that a request is tried with: one of each set of
// columns if no more can make a difference, else at most so many, evenly spaced from
// the first to the last. Without data there is one to try.
func (k *compiled) trialRows(d *payload.Data, most int) iter.Seq[int] {
	return func(yield func(int) bool) {
		n := d.Len()
		if n == 0 {
			yield(0)
			return
		}
		if !k.valuesMatter() {
			for i := range d.OneOfEach() {
				if !yield(i) {
					return
				}
			}
			return
		}
		most = max(2, min(most, n))
		if n <= most {
			for i := range n {
				if !yield(i) {
					return
				}
			}
			return
		}
		for i := range most {
			if !yield(int(int64(i) * int64(n-1) / int64(most-1))) {
				return
			}
		}
	}
}

// valuesMatter says whether the value of a column can make a request invalid: in a
// header, in a URL as it stands, in JSON without quotes, in a template that does more
// than put values in.
func (k *compiled) valuesMatter() bool {
	for i := range k.headers {
		if !k.headers[i].value.IsFixed() {
			return true
		}
	}
	if k.url.Raw() {
		return true
	}
	for _, fields := range [][]namedText{k.query, k.fields} {
		for i := range fields {
			if fields[i].value.Computes() {
				return true
			}
		}
	}
	for i := range k.json {
		if k.json[i].Bare || k.json[i].Text.Computes() {
			return true
		}
	}
	return k.url.Computes() || k.body.Computes()
}
