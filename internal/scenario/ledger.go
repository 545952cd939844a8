package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

func (ledgerFile) Noun() string { return "a ledger" }
func (keyFile) Noun() string    { return "a key" }

// sampleFile is a number of writes; 0: all.
type sampleFile int

func (s *sampleFile) DecodeNode(
	d *strictyaml.Decoder, n *strictyaml.Node, f strictyaml.Field,
) (ok bool) {
	var text string
	f.Value, f.Loose = reflect.ValueOf(&text).Elem(), true
	if !d.Scalar(n, f) {
		return false
	}
	if text == "all" {
		return true
	}
	if count, err := quantity.ParseCount(text); err == nil && count >= 1 &&
		count == float64(int32(count)) {
		*s = sampleFile(count)
		return true
	}
	d.Failf(n.Span, "write all, or how many, such as 10000",
		"sample: expected a number of writes or the word all, found %q", strictyaml.Shorten(text))
	return false
}

func (*sampleFile) NodeSchema(*strictyaml.Grammar, strictyaml.Field) strictyaml.Schema {
	return strictyaml.Either(
		strictyaml.Schema{"type": "integer", "minimum": 1}, strictyaml.Schema{"const": "all"},
	)
}

// ledgers makes the ledgers, and has the answers to what they watch be looked at.
func (b *builder) ledgers(load *attack.Plan) []ledger.Ledger {
	var out []ledger.Ledger
	names := map[string]*strictyaml.Node{}
	requests := &requests{builder: b}
	for i := range b.file.Ledger {
		f := &b.file.Ledger[i]
		own := b.Where(&f.Name, b.Where(f, b.root))
		b.names.unique(names, f.Name, "ledger", own)
		l := ledger.Ledger{
			Name: f.Name, Write: f.Write, Acknowledged: f.Acknowledged,
			Settle: f.Settle, Rate: float64(f.Rate), Deadline: f.Deadline, Sample: int(f.Sample),
			Duplicates: f.Duplicates,
		}
		at := b.writes(f, load, own)
		l.Key = b.ledgerKey(f, load, at, own)
		if at >= 0 && !b.Broken(&f.Key) {
			watched, wanted := &load.Requests[at].Watched, l.Key.Watched()
			watched.Body = watched.Body || wanted.Body
			watched.Header = watched.Header || wanted.Header
			l.Secret = secretKey(l.Key, load)
		}
		requests.readBack(f, &l, own)
		if n, set := b.Find(&f.Duplicates); set {
			for _, e := range (expect.ExpectJSON{Path: f.Duplicates}).Validate() {
				b.Failf(b.Locate(n, e.Offset, e.Len), e.Hint, "duplicates: %s", e)
			}
		}
		out = append(out, l)
	}
	return out
}

// writes finds the request that writes; -1 if there is none that a ledger can be of.
func (b *builder) writes(f *ledgerFile, load *attack.Plan, own *strictyaml.Node) int {
	n, set := b.Find(&f.Write)
	if !set || b.Broken(&f.Write) {
		return -1
	}
	var known []string
	for i := range load.Requests {
		known = append(known, load.Requests[i].Name)
	}
	at := slices.Index(known, f.Write)
	if at < 0 {
		hint := suggest.Hint(f.Write, "request", known)
		for _, flow := range load.Flows {
			if flow.Name == f.Write && len(flow.Steps) > 0 {
				hint = fmt.Sprintf("name one of its steps, such as %s",
					load.Requests[flow.Steps[len(flow.Steps)-1].Request].Name)
			}
		}
		b.Failf(n.Span, hint, "write: there is no request %q", strictyaml.Shorten(f.Write))
		return -1
	}
	if spec, ok := load.Requests[at].Spec.(*httpx.Request); ok && len(spec.Targets) > 0 {
		b.Failf(n.Span, "write the request out, without targets",
			"write: %q is a list of targets, which are not told apart", strictyaml.Shorten(f.Write))
		return -1
	}
	return at
}

const keyHint = "write one of { json: $.id }, { header: Location }, { matches: 'id=(\\d+)' } and " +
	"{ template: \"{{ .order_id }}\" }"

// ledgerKey says where the key of the request at an index stands; -1: it is not known.
func (b *builder) ledgerKey(
	f *ledgerFile, load *attack.Plan, at int, own *strictyaml.Node,
) ledger.Key {
	k := ledger.Key{
		JSON: f.Key.JSON, Header: f.Key.Header, Matches: f.Key.Matches, Template: f.Key.Template,
		Part: f.Key.Part,
	}
	n, set := b.Find(&f.Key)
	if !set || b.Broken(&f.Key) {
		return k
	}
	var ways []*strictyaml.Node
	var keys []string
	for _, way := range []struct {
		key string
		ptr *string
	}{{"json", &f.Key.JSON}, {"header", &f.Key.Header}, {"matches", &f.Key.Matches},
		{"template", &f.Key.Template}} {
		if n, ok := b.Find(way.ptr); ok {
			ways, keys = append(ways, n), append(keys, way.key)
			if *way.ptr == "" {
				b.Failf(n.Span, keyHint, "key: %s is empty", way.key)
				return k
			}
		}
	}
	switch {
	case len(ways) == 0:
		b.Failf(n.Span, keyHint, "the key does not say where it stands")
		return k
	case len(ways) > 1:
		b.Failf(ways[1].Span, "keep one of them",
			"a key stands in one place, found both %q and %q", keys[0], keys[1])
		return k
	}
	wrong := k.Validate()
	noteFields(b.Decoder, wrong, &f.Key, n, keyHint)
	if at < 0 || len(wrong) > 0 {
		return k
	}
	if k.Header != "" && load.Requests[at].Protocol != httpx.Name {
		b.Failf(ways[0].Span, keyHint, "key: answers of %s have no headers",
			load.Requests[at].Protocol)
	}
	if k.Template != "" {
		b.keyTemplate(k, load, at, ways[0])
	}
	return k
}

// keyTemplate tries the template of a key with what its request is made from.
func (b *builder) keyTemplate(k ledger.Key, load *attack.Plan, at int, n *strictyaml.Node) {
	data, names := load.Requests[at].Data, []string(nil)
	for _, flow := range load.Flows {
		var captured []string
		for _, step := range flow.Steps {
			if step.Request == at {
				data, names = flow.Data, captured
			}
			for _, c := range step.Captures {
				captured = append(captured, c.Name)
			}
		}
	}
	known := "templates here are "
	if data.Len() > 0 {
		for _, c := range slices.Sorted(slices.Values(data.Columns(0))) {
			known += "{{ ." + c + " }}, "
		}
	}
	for _, c := range names {
		known += "{{ ." + c + " }}, "
	}
	known += "{{ seq }} and {{ nth }}"
	switch err := k.Try(data, names); {
	case err != nil:
		b.Failf(n.Span, known, "key: %s", err)
	case k.Same():
		b.Failf(
			n.Span,
			known,
			"key: expected one that differs from write to write, found a fixed text",
		)
	default:
		b.drawnKey(k, load, at, n)
	}
}

// drawnKey checks a key with random values: those of the request are the same only if it draws them
// in the same order.
func (b *builder) drawnKey(k ledger.Key, load *attack.Plan, at int, n *strictyaml.Node) {
	if !strings.Contains(k.Template, "uuid") && !strings.Contains(k.Template, "randInt") {
		return
	}
	r := load.Requests[at]
	spec, ok := r.Spec.(*httpx.Request)
	if !ok || b.inFlow(load, at) {
		b.Failf(n.Span, "take a column of data, a capture or {{ seq }}, in the request too",
			"key: random values can be held against those of an HTTP request that is no step, only")
		return
	}
	r.Spec = spec.Expanded(target.Checked, "http://target:1")
	build, err := httpx.NewBuilder(&attack.Plan{Seed: load.Seed, Requests: []attack.Request{r}})
	if err != nil {
		return // a mistake of its own
	}
	first := attack.Arrival{Seq: 1, Nth: 1}
	key, err := k.Of(load.Seed, first, r.Data)
	call, failed := build(first)
	if err != nil || failed != nil {
		return // likewise
	}
	defer call.Release()
	sent := call.URL + "\n" + string(call.Body)
	for _, h := range call.Header {
		sent += "\n" + h.Value
	}
	if !strings.Contains(sent, key) {
		b.Failf(
			n.Span,
			"let the request begin with the same random values, or use {{ seq }} in both",
			"key: its random values are others than those that %q sends",
			r.Name,
		)
	}
}

// inFlow says whether a request is a step of a flow.
func (b *builder) inFlow(load *attack.Plan, at int) bool {
	return slices.ContainsFunc(load.Flows, func(f attack.Flow) bool {
		return slices.ContainsFunc(f.Steps, func(s attack.Step) bool { return s.Request == at })
	})
}

// secretKey says whether the keys of a ledger are not to be shown.
func secretKey(k ledger.Key, load *attack.Plan) bool {
	if k.InAnswer() {
		return secret.Path(k.JSON) || secret.Header(k.Header) || secret.Path(k.Matches)
	}
	hidden := slices.Clone(load.SecretNames)
	for _, f := range load.Flows {
		for _, s := range f.Steps {
			for _, c := range s.Captures {
				if secret.Path(c.JSON) || secret.Header(c.Header) || secret.Path(c.Matches) {
					hidden = append(hidden, c.Name)
				}
			}
		}
	}
	return slices.ContainsFunc(payload.ColumnsIn(k.Template), func(column string) bool {
		return secret.Key(column) || slices.Contains(hidden, column)
	})
}

// readBack says how writes are asked for.
func (b *requests) readBack(f *ledgerFile, l *ledger.Ledger, own *strictyaml.Node) {
	n, set := b.Find(&f.Read)
	if !set || b.Broken(&f.Read) && n.Kind != strictyaml.Map {
		return
	}
	r := &f.Read.requestFile
	b.Note(r, n, !b.Broken(&f.Read))
	r.Name = f.Name
	if len(r.Expect.Status) == 0 {
		r.Expect.Status = statuses{2}
	}
	known := append([]string{ledger.ReadName}, b.shared...)
	l.Read = b.request(r, &stepNames{captured: known, reads: true})
	http := l.Read.Protocol == httpx.Name
	missing, said := b.Find(&f.Read.Missing)
	if !said {
		missing = n
	}
	l.Missing = b.expectation(&f.Read.Missing, missing, l.Read.Timeout)
	switch {
	case b.Broken(&f.Read):
	case !said && !http:
		b.Failf(n.Span, `add missing: { matches: '^\$-1' }, or what the target answers`,
			"read: a request with %s has to say which answer means that a write is not there",
			l.Read.Protocol)
	case said && http && reflect.DeepEqual(l.Missing, expect.Expect{}):
		b.Failf(missing.Span, "write missing: { status: 404 }, or leave it out",
			"missing: expected what the answer looks like, found nothing")
	case !said:
		l.Missing.Status = []int{404, 410}
	}
	if l.Read.Spec == nil || b.Broken(&f.Read) {
		return
	}
	// Without the key it cannot be made, if it uses it.
	tried := l.Read.Spec.Expanded(target.Checked, l.Read.Protocol+"://target:1")
	if tried.Validate(nil, []string{ledger.ReadName}) == nil && tried.Validate(nil, nil) == nil {
		b.Failf(n.Span, `put the key in, such as get: "/orders/{{ .key }}"`,
			"read: the request does not use {{ .%s }}, so that it asks the same of each write",
			ledger.ReadName)
	}
}

// ledgersInRules notes rules on ledgers that are judged before these are read back, or that ask
// for what is not known of them.
func (b *builder) ledgersInRules(p *Plan) {
	early := func(at *strictyaml.Node, r *verdict.Rule) {
		for _, o := range r.Observed() {
			if o.Subject.Kind == timeline.LedgerSubject {
				b.Failf(at.Span, "write the rule under verdict:",
					"%s is read back after the load, and this is judged before", o.Subject)
				return
			}
		}
	}
	planned := func(
		list rulesFile, rules []PlannedRule, note func(*strictyaml.Node, *verdict.Rule),
	) {
		for i := range list {
			e := &list[i]
			same := func(r PlannedRule) bool { return r.KPI == e.KPI }
			if at := slices.IndexFunc(rules, same); at >= 0 && !e.scorecard {
				note(e.kpi, rules[at].Rule)
			}
		}
	}
	planned(b.file.Hypothesis, p.Hypothesis, early)
	for i := range b.file.Abort {
		if e := &b.file.Abort[i]; e.rule != nil {
			early(e.when, e.rule)
		}
	}
	planned(b.file.Verdict, p.Rules, func(at *strictyaml.Node, r *verdict.Rule) {
		for _, o := range r.Observed() {
			b.ledgerFigure(at, o.Subject, o.Figure, p.Ledger)
		}
	})
}

// ledgerFigure notes a figure that a ledger does not have.
func (b *builder) ledgerFigure(
	at *strictyaml.Node, s timeline.Subject, figure timeline.Figure, all []ledger.Ledger,
) {
	same := func(l ledger.Ledger) bool { return l.Name == s.Name }
	i := slices.IndexFunc(all, same)
	switch {
	case s.Kind != timeline.LedgerSubject || i < 0:
	case figure == timeline.LedgerPhantom && all[i].Key.InAnswer():
		b.Failf(at.Span, "make the key of the request, with key: { template: ... }",
			"%s has no %s: its key stands in the answer, and what was refused has none", s, figure)
	case figure == timeline.LedgerDuplicated && all[i].Duplicates == "":
		b.Failf(at.Span, "give the ledger duplicates: a JSON path to how often a write is there",
			"%s has no %s: its answers do not tell how often a write is there", s, figure)
	}
}

// ResolveLedgers is the plan of what reads back, with everything that only the run knows put in,
// as Resolve does.
func (p *Plan) ResolveLedgers(
	addr func(service string) (string, bool),
) (attack.Plan, error) {
	q := *p
	q.Attack = ledger.ReadPlan(p.Attack, p.Ledger)
	out, err := q.Resolve(addr)
	if err == nil && out.Engine == "" && out.Sends(httpx.Name) { // the load is not sent by HTTP
		urls := func(yield func(string) bool) {
			for i := range out.Requests {
				spec, ok := out.Requests[i].Spec.(*httpx.Request)
				if ok && !yield(spec.URL) {
					return
				}
			}
		}
		out.Engine, out.EngineWhy = httpx.ChooseEngine(&out, urls)
		if out.Engine == httpx.AutoEngine {
			out.Engine = "http" // nobody will ask the servers, and it speaks all that they may
		}
	}
	return out, err
}
