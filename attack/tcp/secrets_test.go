package tcp_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// A secret is one whatever protocol the step is of that knows it for one, and whether or
// not the answer that has it was good.
func TestErrorsComeWithTheirSecrets(t *testing.T) {
	s := serve(t, lines(func(string) string { return `{"token":"of-answer","n":"7"}` + "\n" }))
	p := plan(s.Addr().String(),
		tcp.Request{Send: "AUTH {{ .t }} password={{ .word }}&n={{ .plain }}\n", Expect: "+OK"},
		tcp.Request{Send: "token={{ .row }}&n={{ .plain }}\n", Expect: "+OK"})
	p.Requests[1].Data, _ = payload.NewData([]map[string]string{{"row": "of-row", "plain": "open"}})
	p.Requests = append(p.Requests, attack.Request{Name: "login", Protocol: "http"})
	p.Flows = []attack.Flow{{Name: "f", Weight: 1, Steps: []attack.Step{
		{Request: 2, Captures: []expect.Capture{{Name: "t", JSON: "$.access_token"}, {Name: "id", JSON: "$.id"}}},
		{Request: 0, Captures: []expect.Capture{{Name: "s", Matches: `"token":"([^"]+)"`}, {Name: "n", JSON: "$.n"}}},
	}}}
	client := compile(t, p)

	session := new(attack.Session)
	for name, v := range map[string]string{"t": "of-login", "id": "42", "word": "of-flow", "plain": "open"} {
		session.Values.Set(name, v, payload.Untyped)
	}
	for _, c := range []struct {
		call attack.Call
		want []string
	}{
		{attack.Call{Session: session, Step: 1}, []string{"of-answer", "of-flow", "of-login"}},
		{attack.Call{Arrival: attack.Arrival{Request: 1}, Step: -1}, []string{"of-row"}},
	} {
		c.call.By = wire.Deadlines{Done: time.Now().Add(time.Minute)}
		var out attack.Outcome
		client.Call(t.Context(), &c.call, &out)
		r := attack.Result{Kind: out.Kind}
		if r.Kind == "" {
			t.Fatal("expected an error")
		}
		out.Exchange.Explain(&r, true)
		out.Release()
		if slices.Sort(r.Secrets); !slices.Equal(r.Secrets, c.want) {
			t.Errorf("expected %q, found %q", c.want, r.Secrets)
		}
	}
}

// A sample ends with a whole character.
func TestSampleIsCutAtACharacter(t *testing.T) {
	const odd = "x" // what follows has characters of two bytes
	s := serve(t, lines(func(string) string { return odd + strings.Repeat("é", attack.MaxSample) + "\n" }))
	p := plan(s.Addr().String(), tcp.Request{Send: odd + strings.Repeat("é", attack.MaxSample) + "\n", Expect: "+OK"})
	_, r := ask(t.Context(), compile(t, p), attack.Arrival{}, time.Minute)
	if r.Sample == nil {
		t.Fatal("expected a sample")
	}
	want := odd + strings.Repeat("é", attack.MaxSample/2-1)
	if r.Sample.Body != want || !r.Sample.Cut {
		t.Errorf("answer: expected %d bytes, found %q", len(want), r.Sample.Body)
	}
	if r.Sample.Sent.Body != want || !r.Sample.Sent.Cut {
		t.Errorf("sent: expected %d bytes, found %q", len(want), r.Sample.Sent.Body)
	}
}
