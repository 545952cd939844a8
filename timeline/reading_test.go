package timeline_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestFiguresAreNamedOnce(t *testing.T) {
	kinds := map[timeline.SubjectKind]bool{}
	for _, k := range timeline.SubjectKinds() {
		if k.Doc == "" || kinds[k.Kind] {
			t.Errorf("kind %q lacks a text, or is there twice", k.Kind)
		}
		kinds[k.Kind] = true
		if k.HasOwn && (k.Own.Row().Kind != k.Kind || k.Own.Row().Fold != timeline.Level) {
			t.Errorf("%s: its own figure %s is no level of such a subject", k.Kind, k.Own)
		}
	}
	units := map[timeline.Unit]bool{"": true}
	for _, u := range timeline.Units() {
		units[u] = true
	}
	seen := map[string]bool{}
	for i, f := range timeline.Figures() {
		name := string(f.Kind) + "." + f.Name
		if f.Name == "" || f.Doc == "" || seen[name] {
			t.Errorf("figure %d, %s: lacks a text, or is named twice", i, name)
		}
		if !kinds[f.Kind] || !units[f.Unit] {
			t.Errorf("%s: there is no kind %q, or no unit %q", name, f.Kind, f.Unit)
		}
		seen[name] = true
		if got, ok := timeline.FigureOf(f.Kind, f.Name); !ok || got != timeline.Figure(i) {
			t.Errorf("%s is found as %v, %t", name, got, ok)
		}
		if f.Derived() {
			continue
		}
		var v timeline.Values
		if _, ok := v.Get(timeline.Figure(i)); ok {
			t.Errorf("%s is there, and was not set", name)
		}
		v.Set(timeline.Figure(i), 0)
		if n, ok := v.Get(timeline.Figure(i)); !ok || n != 0 {
			t.Errorf("%s reads %v, %t, want the 0 that was set", name, n, ok)
		}
	}
	if _, ok := timeline.FigureOf(timeline.ProbeSubject, "cpu"); ok {
		t.Error("a probe has a figure of services")
	}
}

// What a derived figure is made of.
func TestUptimeIsTheAbsenceOfFailure(t *testing.T) {
	for _, tt := range []struct{ failures, uptime float64 }{{0, 1}, {1, 0}, {2, 0}} {
		var v timeline.Values
		if _, ok := v.Get(timeline.Uptime); ok {
			t.Error("there is an uptime of nothing")
		}
		v.Set(timeline.Failures, tt.failures)
		if n, ok := v.Get(timeline.Uptime); !ok || n != tt.uptime {
			t.Errorf("with %v failures the uptime is %v, %t, want %v", tt.failures, n, ok, tt.uptime)
		}
	}
}

func TestReadingPrintsAndIsReadBack(t *testing.T) {
	r := timeline.Reading{
		Window:  timeline.Window{From: time.Second, To: 2 * time.Second},
		Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: "api"},
		Target:  "api-1", Every: time.Second,
	}
	r.Values.Set(timeline.Memory, 0.25)
	r.Values.Set(timeline.CPU, 0)
	const want = `{"from":1000000000,"to":2000000000,"kind":"service","name":"api",` +
		`"target":"api-1","every":1000000000,"values":{"cpu":0,"memory":0.25}}`
	b, err := json.Marshal(r)
	if err != nil || string(b) != want {
		t.Errorf("printed %s, %v, want %s", b, err, want)
	}
	var back timeline.Reading
	later := strings.Replace(want, `"cpu"`, `"of a later version":7,"uptime":1,"cpu"`, 1)
	if err := json.Unmarshal([]byte(later), &back); err != nil || back != r {
		t.Errorf("read back %+v, %v, want %+v", back, err, r)
	}
	if r.String() != `service("api")` {
		t.Errorf("it is a reading of %s", r)
	}
}

func TestReadingValidate(t *testing.T) {
	good := timeline.Reading{Subject: timeline.Subject{Kind: timeline.ProbeSubject, Name: "up"}}
	good.Values.Set(timeline.Failures, 1)
	for _, tt := range []struct {
		name   string
		change func(*timeline.Reading)
		want   string
	}{
		{"good", func(*timeline.Reading) {}, ""},
		{"before the load", func(r *timeline.Reading) { r.From = -time.Second }, ""},
		{"missing", func(r *timeline.Reading) { r.Values, r.Missing = timeline.Values{}, "gone" }, ""},
		{"part of it missing", func(r *timeline.Reading) { r.Missing = "gone" }, ""},
		{"no kind", func(r *timeline.Reading) { r.Kind = "" }, "expected a kind of subject"},
		{"no name", func(r *timeline.Reading) { r.Name = "" }, "expected the name of the probe"},
		{"backwards", func(r *timeline.Reading) { r.To = -1 }, "from <= to"},
		{"every", func(r *timeline.Reading) { r.Every = -1 }, "at least 0"},
		{"says nothing", func(r *timeline.Reading) { r.Values = timeline.Values{} }, "found neither"},
		{"of another", func(r *timeline.Reading) { r.Values.Set(timeline.CPU, 1) }, "found cpu of a service"},
		{"NaN", func(r *timeline.Reading) { r.Values.Set(timeline.Failures, math.NaN()) }, "found NaN"},
		{"infinite", func(r *timeline.Reading) { r.Values.Set(timeline.ProbeTime, math.Inf(1)) }, "found +Inf"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := good
			tt.change(&r)
			err := r.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestReadingCovers(t *testing.T) {
	r := timeline.Reading{Window: timeline.Window{From: 3, To: 5}}
	if got := r.Covers(); got != r.Window {
		t.Errorf("a single one covers %v, want %v", got, r.Window)
	}
	r.Every = 10
	if want := (timeline.Window{From: 3, To: 13}); r.Covers() != want {
		t.Errorf("one of a source that is due every 10 covers %v, want %v", r.Covers(), want)
	}
}
