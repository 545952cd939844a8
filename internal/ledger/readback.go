package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/seed"
)

const (
	// tries is how often a write is asked for until an answer says whether it is there, and
	// firstPause how long the first pause between tries is; each one more is twice as long.
	tries      = 3
	firstPause = 200 * time.Millisecond
	// maxReaders is how many writes of one ledger are asked for at once.
	maxReaders = 64
	// maxPhantoms is how many refused writes that are there are held against the other writes:
	// another one with the same key may have been done.
	maxPhantoms = 10_000
)

// Asking is what reads back.
type Asking struct {
	Plan    *attack.Plan // of the reads: see ReadPlan
	Clients attack.Clients
}

var (
	errDeadline    = errors.New("the deadline had passed")
	errInterrupted = errors.New("the run was interrupted")
)

// ReadBack closes the book and asks for what is in it. The end of ctx ends it: what was not asked
// for by then is unread. Accounts come in the order of the ledgers. An error says what is wrong
// with a ledger's plan; then nothing was asked.
func (b *Book) ReadBack(ctx context.Context, by Asking) ([]Account, error) {
	broken := b.Close()
	backs := make([]*readBack, len(b.pages))
	for i, p := range b.pages {
		r, err := newReadBack(p, by, broken)
		if err != nil {
			return nil, fmt.Errorf("ledger %s: %w", p.Name, err)
		}
		backs[i] = r
	}
	out := make([]Account, len(backs))
	var all sync.WaitGroup
	for i, r := range backs {
		all.Go(func() {
			r.run(ctx, b.path, seed.Stream(b.seed, "ledger/"+r.Name).Float64)
			out[i] = r.account()
		})
	}
	all.Wait()
	return out, nil
}

// readBack is the reading back of one ledger.
type readBack struct {
	*page
	request *attack.Request
	client  attack.Client
	missing *expect.Check
	times   *expect.Taker // nil: duplicates are not asked
	broken  error         // of the spool
	pace    pace

	mu       sync.Mutex // guards what follows
	seen     [fates]uint64
	read     uint64
	landed   uint64
	unread   [fates]uint64
	why      string // the first was not read
	counts   map[What]uint64
	firsts   map[What]*findings
	phantoms map[string]entry // refused writes that are there, by key
	drawn    uint64
	keys     uint64
}

func newReadBack(p *page, by Asking, broken error) (*readBack, error) {
	r := &readBack{
		page: p, request: &by.Plan.Requests[p.index], broken: broken,
		pace:   pace{every: time.Duration(float64(time.Second) / p.Rate)},
		counts: map[What]uint64{}, phantoms: map[string]entry{},
		firsts: map[What]*findings{Lost: {}, Phantom: {}, Duplicated: {}, Unread: {}},
	}
	if r.client = by.Clients[r.request.Protocol]; r.client == nil {
		return nil, fmt.Errorf("expected a client for protocol %q, found none", r.request.Protocol)
	}
	var err error
	if r.missing, err = expect.New(p.Missing); err != nil {
		return nil, fielderr.Wrap(err, "missing", fielderr.Field("missing"))
	}
	if p.Duplicates != "" {
		r.times, err = expect.NewTaker(expect.Capture{Name: "duplicates", JSON: p.Duplicates})
	}
	return r, err
}

// run waits until the target has settled, and asks for the keys in the spool.
func (r *readBack) run(ctx context.Context, path string, random func() float64) {
	if !sleep(ctx, r.Settle) {
		ctx = ended(ctx, errInterrupted)
	}
	limited, cancel := context.WithTimeoutCause(ctx, r.Deadline, errDeadline)
	defer cancel()
	jobs := make(chan entry)
	var readers sync.WaitGroup
	for range r.readers() {
		readers.Go(func() {
			for e := range jobs {
				r.ask(limited, e)
			}
		})
	}
	for _, n := range r.kept {
		r.keys += n
	}
	left, wanted := r.keys, r.keys
	if r.Sample > 0 {
		wanted = min(wanted, uint64(r.Sample))
	}
	err := r.scan(path, func(e entry) bool {
		r.mu.Lock()
		r.seen[e.fate]++
		r.mu.Unlock()
		// Of those left, each of the wanted is as likely as any other to be this one.
		take := wanted > 0 && random()*float64(left) < float64(wanted)
		if left--; !take {
			return true
		}
		wanted--
		r.drawn++
		if limited.Err() != nil {
			r.notRead(e, why(limited))
			return true
		}
		select {
		case jobs <- e:
		case <-limited.Done():
			r.notRead(e, why(limited))
		}
		return true
	})
	close(jobs)
	readers.Wait()
	if err == nil {
		err = r.settlePhantoms(path)
	}
	if r.broken == nil {
		r.broken = err
	}
}

// ended is a context that has ended.
func ended(ctx context.Context, cause error) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(cause)
	return ctx
}

// why says why a context ended, for people.
func why(ctx context.Context) string {
	if errors.Is(context.Cause(ctx), errDeadline) {
		return errDeadline.Error()
	}
	return errInterrupted.Error()
}

// scan reads the ledger's own entries.
func (r *readBack) scan(path string, yield func(entry) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return scan(io.Reader(f), func(e entry) bool { return e.ledger != r.index || yield(e) })
}

// readers is how many ask at once: enough to keep the rate if each answer takes half a second.
func (r *readBack) readers() int {
	return int(min(maxReaders, math.Ceil(r.Rate/2)))
}

// ask asks for a write until an answer says whether it is there.
func (r *readBack) ask(ctx context.Context, e entry) {
	pause := firstPause
	var said string
	for try := range tries {
		if try > 0 {
			if !sleep(ctx, pause) {
				break
			}
			pause *= 2
		}
		if !r.pace.wait(ctx) {
			break
		}
		there, times, failed := r.once(ctx, e)
		if failed == "" {
			r.found(e, there, times)
			return
		}
		if said == "" || ctx.Err() == nil {
			said = failed
		}
	}
	if ctx.Err() != nil {
		said = why(ctx)
	}
	r.notRead(e, said)
}

// once asks for a write: whether it is there and how often, or why that is not known.
func (r *readBack) once(ctx context.Context, e entry) (there bool, times uint64, failed string) {
	values := payload.ValuesOf(nil, 0)
	values.Set(ReadName, e.key, payload.Untyped)
	now := time.Now()
	session := &attack.Session{Values: values, Kept: make([]any, 1)}
	call := &attack.Call{
		Arrival: attack.Arrival{Request: r.index}, Due: now, Flow: r.index,
		By:      wire.Deadlines{Done: now.Add(r.request.Timeout)},
		Session: session, Kept: &session.Kept[0],
	}
	var out attack.Outcome
	r.client.Call(ctx, call, &out)
	defer out.Release()
	var answer *expect.Answer
	if x, ok := out.Exchange.(attack.Answered); ok && out.Class != attack.Failed {
		answer = x.Answer()
	}
	if answer != nil && r.saysMissing(answer) {
		return false, 0, ""
	}
	if out.Class != attack.Good {
		return false, 0, r.explain(&out)
	}
	if r.times == nil {
		return true, 1, ""
	}
	if answer == nil {
		return false, 0, "the protocol shows no answer to count in"
	}
	times, err := count(r.times, answer)
	if err != nil {
		return false, 0, err.Error()
	}
	return times > 0, times, ""
}

func (r *readBack) saysMissing(answer *expect.Answer) bool {
	var kind string
	if answer.Status == 0 { // the protocol has none
		kind, _ = r.missing.JudgeBody(answer, 0, nil)
	} else {
		kind, _ = r.missing.Judge(answer, 0, nil)
	}
	return kind == ""
}

// explain says why an answer does not tell whether the write is there.
func (r *readBack) explain(out *attack.Outcome) string {
	result := attack.Result{Kind: out.Kind, Code: out.Code}
	if out.Exchange != nil {
		out.Exchange.Explain(&result, false)
	}
	switch {
	case result.Detail != "":
		return fmt.Sprintf("%s: %s", out.Kind, result.Detail)
	case out.Err != nil:
		return fmt.Sprintf("%s: %s", out.Kind, out.Err)
	}
	return out.Kind
}

// count reads how often a write is there: a number, or the length of a list.
func count(t *expect.Taker, answer *expect.Answer) (uint64, error) {
	text, err := t.Take(answer)
	if err != nil {
		return 0, err
	}
	return parseTimes(text)
}

// found takes in whether a write is there, and how often.
func (r *readBack) found(e entry, there bool, times uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read++
	switch {
	case !there && e.fate == Acknowledged:
		r.note(Lost, e, Finding{})
	case there && e.fate == Unknown:
		r.landed++
	case there && e.fate == Refused && len(r.phantoms) < maxPhantoms:
		r.phantoms[e.key] = e
	case there && e.fate == Refused:
		r.unread[Refused]++
		r.read--
		r.because("too many refused writes are there to hold them against the others")
	}
	if times > 1 {
		r.note(Duplicated, e, Finding{Times: times})
	}
}

// notRead takes in that nothing is known of a write.
func (r *readBack) notRead(e entry, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unread[e.fate]++
	r.because(why)
	r.note(Unread, e, Finding{Why: why})
}

func (r *readBack) because(why string) {
	if r.why == "" {
		r.why = why
	}
}

func (r *readBack) note(what What, e entry, f Finding) {
	r.counts[what]++
	f.Ledger, f.What, f.Key, f.Fate = r.Name, what, e.key, e.fate.String()
	f.Sent, f.Over = e.sent, e.done
	r.firsts[what].add(f)
}

// settlePhantoms takes those for no phantoms whose key was also written by a write that was not
// refused.
func (r *readBack) settlePhantoms(path string) error {
	if len(r.phantoms) == 0 {
		return nil
	}
	err := r.scan(path, func(e entry) bool {
		if e.fate != Refused {
			delete(r.phantoms, e.key)
		}
		return true
	})
	for _, key := range slices.Sorted(maps.Keys(r.phantoms)) {
		r.note(Phantom, r.phantoms[key], Finding{})
	}
	return err
}

// account sums the reading back up.
func (r *readBack) account() Account {
	a := Account{
		Name: r.Name, Acknowledged: r.all[Acknowledged], Refused: r.all[Refused],
		Unknown: r.all[Unknown], Read: r.read, Landed: r.landed,
	}
	if r.Sample > 0 && r.drawn < r.keys {
		a.Sample, a.Keys = r.drawn, r.keys
	}
	var reasons []string
	if n := r.unread[Acknowledged] + r.unread[Refused] + r.unread[Unknown]; n > 0 {
		reasons = append(reasons, fmt.Sprintf("%s not read back, first: %s", were(n, ""), r.why))
	}
	open := r.unread
	for fate := range fates {
		// What stands in the spool less than was put there, or was never put there, is gone.
		gone := r.all[fate] - r.keyless[fate] - min(r.seen[fate], r.all[fate]-r.keyless[fate])
		open[fate] += gone
		if gone > 0 {
			reasons = append(reasons, fmt.Sprintf("%s not kept: %s", were(gone, fate.String()+" "),
				r.spoolTrouble()))
		}
	}
	if n := r.keyless[Acknowledged]; n > 0 {
		open[Acknowledged] += n
		reasons = append(reasons,
			fmt.Sprintf("%s acknowledged without a key: %s", were(n, ""), r.page.why))
	}
	if !r.Key.InAnswer() {
		open[Refused] += r.keyless[Refused]
	}
	for _, n := range open {
		a.Unread += n
	}
	a.Lost = Count{r.counts[Lost], open[Acknowledged] > 0}
	if a.Acknowledged == 0 {
		a.Lost.Open = true
		reasons = append(reasons, "no write was acknowledged")
	}
	if !r.Key.InAnswer() {
		a.Phantom = &Count{r.counts[Phantom], open[Refused] > 0}
	}
	if r.times != nil {
		a.Duplicated = &Count{r.counts[Duplicated], a.Unread > 0 || a.Read == 0}
		if a.Read == 0 && a.Acknowledged > 0 && a.Unread == 0 {
			reasons = append(reasons, "no write was read back")
		}
	}
	a.Why = strings.Join(reasons, "; ")
	for _, what := range []What{Lost, Phantom, Duplicated, Unread} {
		a.Findings = append(a.Findings, *r.firsts[what]...)
	}
	return a
}

// spoolTrouble says why the spool lacks something.
func (r *readBack) spoolTrouble() string {
	if r.broken != nil {
		return "the disk: " + r.broken.Error()
	}
	if r.dropped > 0 {
		return "the disk was slower than the load"
	}
	return File + " is damaged"
}

// pace has callers take turns at a rate. It is safe for concurrent use.
type pace struct {
	every time.Duration

	mu   sync.Mutex
	next time.Time
}

// wait waits for the caller's turn; false if ctx ended before.
func (p *pace) wait(ctx context.Context) bool {
	p.mu.Lock()
	now := time.Now()
	turn := p.next
	if turn.Before(now) {
		turn = now
	}
	p.next = turn.Add(p.every)
	p.mu.Unlock()
	return sleep(ctx, turn.Sub(now))
}

// sleep waits for d; false if ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// were begins a text on so many writes of a kind, which ends with a blank.
func were(n uint64, kind string) string {
	if n == 1 {
		return "1 " + kind + "write was"
	}
	return quantity.FormatWhole(n) + " " + kind + "writes were"
}
