package httpx

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// maxLookedAt is the largest file, in bytes, that is looked through for templates.
const maxLookedAt = 64 << 10

// Remarks says what the author of the request at i may have meant otherwise, though it is no
// mistake.
func Remarks(p *attack.Plan, i int) []string {
	r, ok := p.Requests[i].Spec.(*Request)
	if !ok {
		return nil
	}
	data, captured := p.Requests[i].Data, map[string]bool{}
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
	if r.File != nil && len(r.File.Bytes) <= maxLookedAt &&
		payload.LooksLikeTemplate(string(r.File.Bytes), has) {
		out = append(
			out,
			strconv.Quote(
				r.File.Name,
			)+" holds templates and is sent as it stands: write template: true beside file: to have them filled in",
		)
	}
	if parts, err := payload.ParseJSON(r.JSON, new(payload.Draw)); r.JSON != "" && err == nil {
		for i := range parts {
			if p := &parts[i]; p.Quoted && p.Text.IsNumber() {
				out = append(
					out,
					"json has a number in quotes, made by a template, which is sent as a text: "+
						"write it without quotes to send a number",
				)
				break
			}
		}
	}
	for _, column := range pathColumns(r) {
		if v, _ := data.Get(0, column); data.Len() > 0 && strings.Contains(v, "/") {
			out = append(
				out,
				fmt.Sprintf(
					"{{ .%[1]s }} holds a / in the first row of data, which goes out as %%2F: "+
						"write {{ raw .%[1]s }} if it is a path of its own",
					column,
				),
			)
		}
	}
	return out
}

// pathColumns are the columns whose values are encoded in the path of the URL.
func pathColumns(r *Request) []string {
	path, _, _ := strings.Cut(r.URL, "?")
	t, err := payload.NewURL(path, new(payload.Draw))
	if err != nil {
		return nil
	}
	return t.Encoded()
}
