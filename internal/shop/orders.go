package shop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// orders are kept in a file, a line each. An order is acknowledged, and can be asked for, once it
// is on the disk. With early it is acknowledged before that: a crash loses those of the last
// moments. It is safe for concurrent use.
type orders struct {
	file  *os.File
	early bool
	wake  chan struct{}
	stop  chan struct{}
	done  chan struct{}

	mu    sync.Mutex
	byID  map[string]order
	batch *batch
}

// batch are orders that go to the disk together.
type batch struct {
	lines   []byte
	ids     []string
	orders  []order
	written chan struct{} // closed once err is known
	err     error
}

// orderLine is an order in the file.
type orderLine struct {
	ID string `json:"id"`
	order
}

var errOther = errors.New("another order has that number")

// earlyDelay is how long orders wait for the disk that are acknowledged early.
const earlyDelay = 500 * time.Millisecond

// openOrders reads the orders in a folder's file for a name, and goes on with it.
func openOrders(dir, name string, early bool) (*orders, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("the folder of --orders cannot be made: %w", err)
	}
	path := filepath.Join(dir, "orders-"+name+".jsonl")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the orders cannot be kept: %w", err)
	}
	o := &orders{
		file: f, early: early, wake: make(chan struct{}, 1), stop: make(chan struct{}),
		done: make(chan struct{}), byID: make(map[string]order), batch: newBatch(),
	}
	if err := o.load(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	go o.write()
	return o, nil
}

func newBatch() *batch { return &batch{written: make(chan struct{})} }

// load reads the file. A crash can have cut off its last line, whose order was never
// acknowledged: it is taken off.
func (o *orders) load() error {
	in := bufio.NewReader(o.file)
	var size int64
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var l orderLine
		if err := json.Unmarshal(bytes.TrimSpace(line), &l); err != nil {
			return fmt.Errorf("expected an order a line: %w", err)
		}
		o.byID[l.ID] = l.order
		size += int64(len(line))
	}
	if err := o.file.Truncate(size); err != nil {
		return err
	}
	_, err := o.file.Seek(size, io.SeekStart)
	return err
}

// add keeps an order. It returns once the order is acknowledged.
func (o *orders) add(id string, what order) error {
	line, err := json.Marshal(orderLine{id, what})
	if err != nil {
		return err
	}
	o.mu.Lock()
	if known, ok := o.byID[id]; ok { // sent again
		o.mu.Unlock()
		if known != what {
			return errOther
		}
		return nil
	}
	b := o.batch
	b.lines = append(append(b.lines, line...), '\n')
	b.ids, b.orders = append(b.ids, id), append(b.orders, what)
	if o.early {
		o.byID[id] = what
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
	if o.early {
		return nil
	}
	<-b.written
	return b.err
}

// get returns an order.
func (o *orders) get(id string) (order, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found, ok := o.byID[id]
	return found, ok
}

// write brings batches to the disk until the orders are closed.
func (o *orders) write() {
	defer close(o.done)
	for {
		select {
		case <-o.wake:
		case <-o.stop:
			o.flush()
			return
		}
		if o.early {
			select {
			case <-time.After(earlyDelay):
			case <-o.stop:
			}
		}
		o.flush()
	}
}

// flush brings what waits to the disk.
func (o *orders) flush() {
	o.mu.Lock()
	b := o.batch
	o.batch = newBatch()
	o.mu.Unlock()
	if len(b.lines) > 0 {
		_, b.err = o.file.Write(b.lines)
		b.err = errors.Join(b.err, o.file.Sync())
	}
	o.mu.Lock()
	if b.err == nil {
		for i, id := range b.ids {
			o.byID[id] = b.orders[i]
		}
	}
	o.mu.Unlock()
	close(b.written)
}

// close brings all to the disk. No order may be on its way.
func (o *orders) close() {
	close(o.stop)
	<-o.done
	o.file.Close()
}
