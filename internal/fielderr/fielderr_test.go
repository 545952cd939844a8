package fielderr_test

import (
	"errors"
	"fmt"
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
	first, second := l.Below(stages.Item(0)), l.Below(stages.Item(1))
	var got []string
	for _, e := range append(first, second...) {
		got = append(got, fmt.Sprintf("%s: %s (%s)", e.Path, e, e.Hint))
	}
	want := []string{
		"stages[0].rate: rate: expected 1, found 2 ()", "stages[0].query.a: with data row 3: query a: expected none (remove it)",
		"stages[1].rate: rate: expected 1, found 2 ()", "stages[1].query.a: with data row 3: query a: expected none (remove it)",
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
