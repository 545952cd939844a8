package fast_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
	"github.com/seed-1574e9de/ordeal/attack/httpx/std"
	"github.com/seed-1574e9de/ordeal/attack/httpx/vegeta"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/runner"
)

// judge says what is wrong with a reply, if anything.
func judge(c *expect.Check, r *httpx.Reply, response time.Duration) (kind, detail string) {
	if r.Err != nil {
		return httpx.Classify(r.Err)
	}
	return c.Judge(&r.Answer, response, func(_, value string) string { return value })
}

// engines are all there are: what one does, all do.
func engines() []httpx.EngineKind {
	return []httpx.EngineKind{{Name: "fast", New: fast.New}, {Name: "http", New: std.New}, {Name: "vegeta", New: vegeta.New}}
}

// isFast says that an engine is this package's, which takes deadlines apart from a context.
func isFast(e httpx.Engine) bool {
	_, fast := e.(httpx.DeadlineSender)
	return fast
}

// oddCookies are values that servers set and parsers mind.
var oddCookies = []string{"sid=2543ebb4,Fy4oMd", "name=John Doe", `q="abc def"`, `prefs={"theme":"dark"}`, "utf8=Zoë", `back=a\b`, "cart[0]=x", "user@x=1"}

func withDefault(fs []payload.Field, name, value string) []payload.Field {
	for _, f := range fs {
		if strings.EqualFold(f.Name, name) {
			return fs
		}
	}
	return append(fs[:len(fs):len(fs)], payload.Field{Name: name, Value: value})
}

// hostIsLiteral says whether the first value in a URL stands behind its host.
func hostIsLiteral(s string) bool {
	begin, _, _ := strings.Cut(s, "{{")
	_, rest, ok := strings.Cut(begin, "://")
	return strings.HasPrefix(s, "/") || ok && strings.ContainsAny(rest, "/?#")
}

// runOwn runs a plan by the engine that it asks for, now.
func runOwn(t *testing.T, p *attack.Plan) *attacktest.Sink {
	t.Helper()
	e, err := httpx.NewEngine(p, engines())
	if err != nil {
		t.Fatal(err)
	}
	_, sink := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: time.Now()})
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	return sink
}
