package fielderr_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		path fielderr.Path
		want string
	}{
		{nil, ""},
		{fielderr.Field("rate"), "rate"},
		{fielderr.Field("stages").Item(2), "stages[2]"},
		{append(fielderr.Field("stages").Item(2), fielderr.Field("rate")...), "stages[2].rate"},
		{fielderr.Field("headers", "X.Y"), `headers["X.Y"]`},
		{fielderr.Field("headers", "X Y"), `headers["X Y"]`},
	} {
		if got := tt.path.String(); got != tt.want {
			t.Errorf("expected %q, found %q", tt.want, got)
		}
	}
}

func TestList(t *testing.T) {
	var l fielderr.List
	if l.Err() != nil {
		t.Errorf("nothing is wrong: %v", l.Err())
	}
	l.Add("rate", "rate: expected %d, found %d", 1, 2)
	l = append(l, fielderr.Error{Path: fielderr.Field("query", "a"), Row: 3, Msg: "query a: expected none"}.WithHint("remove it"))

	stages := fielderr.Field("stages")
	first, second := l.Below(stages.Item(0), "stage a"), l.Below(stages.Item(1), "stage b")
	var got []string
	for _, e := range append(first, second...) {
		got = append(got, fmt.Sprintf("%s: %s (%s)", e.Path, e, e.Hint))
	}
	want := []string{
		"stages[0].rate: stage a: rate: expected 1, found 2 ()", "stages[0].query.a: with data row 3: stage a: query a: expected none (remove it)",
		"stages[1].rate: stage b: rate: expected 1, found 2 ()", "stages[1].query.a: with data row 3: stage b: query a: expected none (remove it)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if l[0].Path.String() != "rate" {
		t.Errorf("Below changed the list it was asked of: %s", l[0].Path)
	}

	err := fmt.Errorf("the request a: %w", l.Err())
	if e, ok := errors.AsType[fielderr.Error](err); !ok || e.Path.String() != "rate" {
		t.Errorf("found %#v", err)
	}
	if want := "the request a: rate: expected 1, found 2\nwith data row 3: query a: expected none"; err.Error() != want {
		t.Errorf("expected %q, found %q", want, err)
	}
}

func TestWrapAndOf(t *testing.T) {
	inner := fielderr.Error{Msg: "expected a name", Hint: "take letters"}
	header := fielderr.Wrap(inner, "header A B", fielderr.Field("headers", "A B"))
	if !errors.Is(fielderr.Wrap(io.EOF, "file", fielderr.Field("file")), io.EOF) {
		t.Error("Wrap hides the error that it was given")
	}
	var got []string
	for _, e := range fielderr.Of(errors.Join(header, errors.Join(fielderr.At(fielderr.Field("url"), "url: none"), io.EOF))) {
		got = append(got, fmt.Sprintf("%s: %s (%s)", e.Path, e, e.Hint))
	}
	want := []string{`headers["A B"]: header A B: expected a name (take letters)`, "url: url: none ()", ": EOF ()"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if fielderr.Of(nil) != nil {
		t.Error("no error is made of mistakes")
	}
}
