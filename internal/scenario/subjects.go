package scenario

import "github.com/seed-1574e9de/ordeal/timeline"

// declared lists what can be observed beside the load, by kind and in the order of the file.
func declared(f *scenarioFile) []timeline.Declared {
	var out []timeline.Declared
	for i := range f.Services.list {
		if name := f.Services.list[i].name; name != "" {
			out = append(out, timeline.Declared{
				Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: name},
			})
		}
	}
	return out
}
