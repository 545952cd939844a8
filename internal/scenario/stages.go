package scenario

import (
	"fmt"
	"reflect"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

// settings returns what a stage's load is read into: its shape, or the struct
// of the file that stands for it. flat says that its keys stand in the stage
// itself, allRequired that all of them must.
func (s *stageFile) settings() (ptr any, flat, allRequired bool) {
	switch s.kind.Name {
	case "users":
		return &s.users, true, false
	case "trace":
		return &s.trace, false, false
	}
	return s.kind.New(), s.kind.Flat, true
}

// made returns the shape that was read into settings; nil for a trace, which
// is made once its file is read.
func (s *stageFile) made(settings any) arrivals.Shape {
	switch x := settings.(type) {
	case *usersFile:
		return &arrivals.Users{From: x.Users.From, To: x.Users.To, Think: x.Think}
	case *traceFile:
		s.whole = true
		return nil
	}
	return settings.(arrivals.Shape)
}

// lastsByItself says whether the stage's length can be left out, as its shape
// has one.
func (s *stageFile) lastsByItself() bool {
	_, ok := s.kind.New().(interface{ Length() time.Duration })
	return ok
}

// thinkless notes the key think in a stage that has nobody to think.
func (s *stageFile) thinkless(o *object) {
	_, closed := s.n.get("users")
	if _, thinks := s.n.get("think"); closed || !thinks {
		return
	}
	o.take("think")
	o.bad = true
	at, _ := keyOf(s.n, "think")
	o.failf(at, "write users: 50 in place of the rate, or remove think", "think is how long users wait between answer and request, and this stage has no users")
}

// usersRange is a number of users, or two between which it changes.
type usersRange usersBounds

func (u *usersRange) decodeNode(d *decoder, n *node, f field) {
	if n.kind == mapNode {
		d.decode(n, (*usersBounds)(u), "users")
		return
	}
	f.value = reflect.ValueOf(&u.From).Elem()
	d.scalar(n, f)
	u.To = u.From
}

func (u *usersRange) schema(field) schema {
	return schema{"anyOf": []schema{ref("count"), objectSchema(reflect.ValueOf((*usersBounds)(u)).Elem(), false)}}
}

// enough checks that users do not wait for each other: a user holds one
// request in flight.
func (b *builder) enough(s *stageFile) {
	u, closed := s.shape.(interface{ Most() int })
	most := b.file.Attack.MaxInFlight
	if !closed || most < 1 || u.Most() <= most {
		return
	}
	b.failf(b.where(&s.users.Users, s.n).span, fmt.Sprintf("raise max_in_flight to %d, or take fewer users", u.Most()),
		"users: %d users have as many requests in flight, and max_in_flight is %d", u.Most(), most)
}

// replay reads a trace's file and gives the stage its shape and, unless it has
// one, its length.
func (b *builder) replay(s *stageFile) {
	at := b.where(&s.trace.File, s.n)
	path, ok := b.existing(at, "file", s.trace.File, maxData)
	if !ok {
		return
	}
	recorded, _, err := b.traces.of(path, func() (*arrivals.Trace, error) {
		instants, err := arrivals.LoadTrace(path)
		if err != nil {
			return nil, err
		}
		return arrivals.NewTrace(s.trace.File, instants, 1)
	})
	if err != nil {
		b.failf(at.span, "one time a line: seconds such as 12.5, Unix times in s, ms, µs or ns, or times such as 2026-01-31T08:00:00Z", "trace: %s", err)
		return
	}
	trace, err := recorded.AtSpeed(s.trace.Speed)
	if err == nil {
		if !b.set(&s.For) {
			s.For = trace.Length()
		}
		err = trace.Validate(s.For)
	}
	if err != nil {
		b.invalid(err, &s.trace, s.n, s.kind.Doc)
		return
	}
	s.shape = trace
}
