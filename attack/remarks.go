package attack

import "strconv"

// Remarks says what is odd about the request at i though it is no mistake: what its
// author may have meant otherwise.
func (p *Plan) Remarks(i int) []string {
	r := &p.Requests[i]
	data, captured := r.Data, map[string]bool{}
	for _, f := range p.Flows {
		for _, s := range f.Steps {
			if s.Request == i {
				data = f.Data
				break
			}
			for _, c := range s.Captures {
				captured[c.Name] = true
			}
		}
	}
	has := func(column string) bool { return captured[column] || data.Has(column) }
	var out []string
	if r.File != nil && len(r.File.Bytes) <= maxSearched && looksLikeTemplate(string(r.File.Bytes), has) {
		out = append(out, strconv.Quote(r.File.Name)+" holds templates and is sent as it stands: write template: true beside file: to have them filled in")
	}
	return out
}
