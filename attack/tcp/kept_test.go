package tcp

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// From inside the package, as nothing else shows what is kept.

// Of a long answer no more is kept than somebody looks at.
func TestLongAnswerIsNotKept(t *testing.T) {
	const size = 3 << 20
	url := attacktest.Conns(t, func(c net.Conn) {
		_, _ = c.Write(make([]byte, size)) // the client sees what is missing
	})
	for _, c := range []struct {
		request Request
		kept    int
	}{
		{Request{Until: "close"}, attack.MaxSample + 1},
		{Request{Until: "close", Expect: "\x00"}, expect.MaxBody},
	} {
		c.request.Address = strings.TrimPrefix(url, "http://")
		client, err := Compile(&attack.Plan{
			MaxInFlight: 1,
			Requests:    []attack.Request{{Name: "a", Protocol: Name, Spec: &c.request}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		by := wire.Deadlines{Done: time.Now().Add(time.Minute)}
		var out attack.Outcome
		client.Call(t.Context(), &attack.Call{By: by, Step: -1}, &out)
		if out.Class != attack.Good || out.BytesIn != size {
			t.Errorf("%s: class %d, %d bytes, error %v", c.request.Expect, out.Class, out.BytesIn, out.Err)
		}
		if kept := len(out.Exchange.(*exchange).answer.Body); kept != c.kept {
			t.Errorf("%d bytes were kept, expected %d", kept, c.kept)
		}
		out.Release()
	}
}
