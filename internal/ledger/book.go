package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"sync"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// Book keeps the fates of writes while the load is sent. It is safe for concurrent use.
type Book struct {
	pages     []*page
	byRequest [][]*page
	redirects bool
	seed      uint64
	path      string
	spool     *spool
}

// page is what the book has of one ledger.
type page struct {
	*Ledger
	index int
	taker *expect.Taker // nil: the key is made by a template
	part  *regexp.Regexp
	data  *payload.Data
	makes sync.Pool // of *keyMaker

	mu      sync.Mutex
	all     [fates]uint64 // writes
	kept    [fates]uint64 // of all, those that the spool took
	keyless [fates]uint64 // of all, those without a key
	why     string        // the first had none
	dropped uint64        // there was no room for
}

// keyMaker makes keys from what requests are made from. It is not safe for concurrent use.
type keyMaker struct {
	draw payload.Draw
	row  payload.Row
	text payload.Template
	out  []byte
}

// Open opens a book for the ledgers of a plan, with its spool at path.
func Open(path string, plan *attack.Plan, ledgers []Ledger) (*Book, error) {
	b := &Book{
		byRequest: make([][]*page, len(plan.Requests)), redirects: plan.Redirects > 0,
		seed: plan.Seed, path: path,
	}
	for i := range ledgers {
		p := &page{Ledger: &ledgers[i], index: i}
		if err := p.compile(plan.Seed); err != nil {
			return nil, fmt.Errorf("ledger %s: %w", p.Name, err)
		}
		found := false
		for k := range plan.Requests {
			if plan.Requests[k].Name == p.Write {
				found, p.data = true, plan.Requests[k].Data
				b.byRequest[k] = append(b.byRequest[k], p)
			}
		}
		if !found {
			return nil, fmt.Errorf("ledger %s: there is no request %q", p.Name, p.Write)
		}
		b.pages = append(b.pages, p)
	}
	var err error
	b.spool, err = newSpool(path)
	return b, err
}

func (p *page) compile(seed uint64) (err error) {
	if p.part, err = regexp.Compile(p.Key.Part); err != nil {
		return err
	}
	if p.Key.InAnswer() {
		p.taker, err = expect.NewTaker(p.Key.capture())
		return err
	}
	if _, err := newKeyMaker(p.Key, seed); err != nil {
		return err
	}
	p.makes.New = func() any {
		m, _ := newKeyMaker(p.Key, seed) // it compiled before
		return m
	}
	return nil
}

func newKeyMaker(k Key, seed uint64) (m *keyMaker, err error) {
	m = &keyMaker{draw: payload.Draw{Seed: seed}}
	m.text, err = payload.New(k.Template, &m.draw)
	return m, err
}

// Watch takes in a call and what came of it. It has the form of runner.Options.Watch.
func (b *Book) Watch(call *attack.Call, r *attack.Result, answer *expect.Answer) {
	for _, p := range b.byRequest[call.Request] {
		fate, sent := p.fate(r, b.redirects)
		if !sent {
			continue
		}
		e := entry{ledger: p.index, fate: fate, sent: r.Sent, done: r.Done}
		var err error
		if e.key, err = p.key(call, fate, answer); err != nil {
			p.count(fate, false, err)
			continue
		}
		p.count(fate, b.spool.add(&e), nil)
	}
}

// count counts a write that the spool took or dropped, or that has no key.
func (p *page) count(fate Fate, kept bool, noKey error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[fate]++
	switch {
	case kept:
		p.kept[fate]++
	case noKey == nil:
		p.dropped++
	default:
		if p.keyless[fate]++; p.why == "" && fate == Acknowledged {
			p.why = noKey.Error()
		}
	}
}

var (
	errNotAnswered = errors.New("only an answer that acknowledges a write has its key")
	errTooLong     = fmt.Errorf("its key has more than %d bytes", MaxKey)
	errNoPart      = errors.New("what should have its key does not match part")
	errEmpty       = errors.New("its key is empty")
)

// key is the key of a write.
func (p *page) key(call *attack.Call, fate Fate, answer *expect.Answer) (key string, err error) {
	switch {
	case p.taker == nil:
		key, err = p.made(call)
	case fate != Acknowledged || answer == nil:
		return "", errNotAnswered
	default:
		key, err = p.taker.Take(answer)
	}
	if err == nil && p.Key.Part != "" {
		m := p.part.FindStringSubmatch(key)
		if m == nil {
			return "", errNoPart
		}
		key = m[min(1, len(m)-1)]
	}
	switch {
	case err != nil:
		return "", err
	case key == "":
		return "", errEmpty
	case len(key) > MaxKey:
		return "", errTooLong
	}
	return key, nil
}

// made is the key that the template makes of what the call was made from.
func (p *page) made(call *attack.Call) (string, error) {
	m := p.makes.Get().(*keyMaker)
	defer p.makes.Put(m)
	var values *payload.Values
	if call.Session != nil {
		values = &call.Session.Values
	}
	return m.make(call.Arrival, p.data, values)
}

// make makes the key of an arrival.
func (m *keyMaker) make(
	a attack.Arrival, data *payload.Data, values *payload.Values,
) (key string, err error) {
	m.draw.Reset(a.Seq, a.Nth)
	m.row.Reset(data, a.Nth, values)
	m.out, err = m.text.Append(m.out[:0], &m.row)
	return string(m.out), err
}

// Close ends the watching: all that was kept is on the disk, or counted as not. It returns the
// error of the disk, the same each time.
func (b *Book) Close() error { return b.spool.close() }

// Discard removes the spool, once nobody will read it any more.
func (b *Book) Discard() error {
	if err := os.Remove(b.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
