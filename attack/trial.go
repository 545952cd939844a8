package attack

import "iter"

// trialRows are the rows of data that a request is tried with: one of each set of
// columns if no more can make a difference, else at most so many, evenly spaced from
// the first to the last. Without data there is one to try.
func (k *kit) trialRows(d *Data, most int) iter.Seq[int] {
	return func(yield func(int) bool) {
		n := d.Len()
		if n == 0 {
			yield(0)
			return
		}
		if !k.valuesMatter() {
			seen := map[*rowShape]bool{}
			for i := 0; i < n && len(seen) < len(d.columns); i++ {
				if s, _ := d.shape(i); !seen[s] {
					seen[s] = true
					if !yield(i) {
						return
					}
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
func (k *kit) valuesMatter() bool {
	matters := func(t *text) bool { return t.tmpl != nil }
	for i := range k.headers {
		if !k.headers[i].value.fixed() {
			return true
		}
	}
	for _, p := range k.url.pieces {
		if p.raw || p.kind != literalPiece && !k.url.inURL {
			return true
		}
	}
	for _, fields := range [][]namedText{k.query, k.fields} {
		for i := range fields {
			if matters(&fields[i].value) {
				return true
			}
		}
	}
	for i := range k.json {
		if k.json[i].bare || matters(&k.json[i].text) {
			return true
		}
	}
	return matters(&k.url) || matters(&k.body)
}
