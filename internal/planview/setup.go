package planview

import (
	"fmt"
	"io"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/setup"
)

// steps prints what is done before the load, or after it.
func steps(w io.Writer, title string, all []setup.Step) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	var t [][]string
	for i := range all {
		s := &all[i]
		var does []string
		if len(s.Captures) > 0 {
			var names []string
			for _, c := range s.Captures {
				names = append(names, c.Name)
			}
			does = append(does, "captures "+strings.Join(names, ", "))
		}
		if s.Refresh > 0 {
			does = append(does, "again every "+quantity.FormatDuration(s.Refresh))
		}
		does = append(does, "at most "+quantity.FormatDuration(s.Timeout))
		t = append(t, []string{s.Name, secret.MaskLiteral(s.String()), strings.Join(does, ", ")})
	}
	table(w, t)
}
