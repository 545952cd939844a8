package nethelper

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fakeMechanism records what is asked of it.
type fakeMechanism struct {
	applyErr, revertErr error
	hang                bool // apply waits for its context
	carries             bool // and cuts what was open before
	applied, reverted   int
}

func (f *fakeMechanism) apply(ctx context.Context, _ Params, carrying func() error) (string, error) {
	f.applied++
	if f.carries {
		if err := carrying(); err != nil {
			return "", err
		}
	}
	if f.hang {
		<-ctx.Done()
		return "", context.Cause(ctx)
	}
	return "slow", f.applyErr
}

func (f *fakeMechanism) revert(_ context.Context, cleared func()) (Cleared, error) {
	f.reverted++
	cleared()
	return Cleared{Evidence: "fast", Traffic: &Traffic{Conns: 3}}, f.revertErr
}

func TestSession(t *testing.T) {
	params := Params{ID: "f", Condition: slow(100*time.Millisecond, 0), Deadline: time.Minute}
	broken := errors.New("broken")
	beats := func(d time.Duration, last string) func(io.WriteCloser, chan<- os.Signal) {
		return func(in io.WriteCloser, _ chan<- os.Signal) {
			for range d / BeatEvery {
				time.Sleep(BeatEvery)
				io.WriteString(in, LineBeat+"\n")
			}
			if last != "" {
				io.WriteString(in, last+"\n")
			}
		}
	}
	tests := []struct {
		name   string
		mechs  []*fakeMechanism
		drive  func(io.WriteCloser, chan<- os.Signal)
		code   int
		events string // of the messages
		why    string // part of the last message's Why or Error
		after  time.Duration
		undone int // of the last mechanism
	}{
		{"told to", []*fakeMechanism{{}}, beats(10*time.Second, LineRevert), 0, "ready applied cleared reverted", "told to", 10 * time.Second, 1},
		{"left before the reset", []*fakeMechanism{{carries: true}}, func(in io.WriteCloser, _ chan<- os.Signal) {
			time.Sleep(2 * time.Second)
			io.WriteString(in, LineBeat+"\n"+LineReset+"\n")
			time.Sleep(time.Second)
			io.WriteString(in, LineRevert+"\n")
		}, 0, "ready carrying applied cleared reverted", "told to", 3 * time.Second, 1},
		{"never left", []*fakeMechanism{{carries: true}}, beats(time.Minute, ""), exitUnapplied, "ready carrying error", "waiting for the load", 10800 * time.Millisecond, 1},
		{"ordeal dies before the reset", []*fakeMechanism{{carries: true}}, func(in io.WriteCloser, _ chan<- os.Signal) {
			time.Sleep(time.Second)
			in.Close()
		}, exitUnapplied, "ready carrying error", "input closed", time.Second, 1},
		{"no heartbeat", []*fakeMechanism{{}}, beats(10*time.Second, ""), 0, "ready applied cleared reverted", "no heartbeat", 15 * time.Second, 1},
		{"never a heartbeat", []*fakeMechanism{{}}, beats(0, ""), 0, "ready applied cleared reverted", "no heartbeat", 5 * time.Second, 1},
		{"deadline", []*fakeMechanism{{}}, beats(2*time.Minute, ""), 0, "ready applied cleared reverted", "deadline of 1m0s", time.Minute, 1},
		{"other lines are no heartbeat", []*fakeMechanism{{}}, func(in io.WriteCloser, _ chan<- os.Signal) {
			for range 20 {
				time.Sleep(time.Second)
				io.WriteString(in, "hello\n")
			}
		}, 0, "ready applied cleared reverted", "no heartbeat", 5 * time.Second, 1},
		{"input closed", []*fakeMechanism{{}}, func(in io.WriteCloser, _ chan<- os.Signal) {
			time.Sleep(time.Second)
			in.Close()
		}, 0, "ready applied cleared reverted", "input closed", time.Second, 1},
		{"SIGTERM", []*fakeMechanism{{}}, func(_ io.WriteCloser, sig chan<- os.Signal) {
			time.Sleep(time.Second)
			sig <- syscall.SIGTERM
		}, 0, "ready applied cleared reverted", "signal terminated", time.Second, 1},
		{"SIGPIPE is no reason", []*fakeMechanism{{}}, func(_ io.WriteCloser, sig chan<- os.Signal) {
			time.Sleep(time.Second)
			sig <- syscall.SIGPIPE
		}, 0, "ready applied cleared reverted", "no heartbeat", 5 * time.Second, 1},
		{"the second mechanism", []*fakeMechanism{{applyErr: broken}, {}}, beats(time.Second, LineRevert), 0, "ready applied cleared reverted", "told to", time.Second, 1},
		{"no mechanism works", []*fakeMechanism{{applyErr: broken}, {applyErr: broken}}, beats(0, ""), exitUnapplied, "ready error", "first: broken; second: broken", 0, 1},
		{"a failed apply that cannot be undone", []*fakeMechanism{{applyErr: broken, revertErr: broken}}, beats(0, ""), exitDirty, "ready error", "undoing what was begun failed", 0, 1},
		{"a revert that fails", []*fakeMechanism{{revertErr: broken}}, beats(0, LineRevert), exitDirty, "ready applied cleared error", "broken", 0, 1},
		{"an apply that hangs", []*fakeMechanism{{hang: true}}, beats(time.Minute, ""), exitUnapplied, "ready error", "took too long", 10800 * time.Millisecond, 1},
		{"ordeal dies before traffic is impaired", []*fakeMechanism{{hang: true}, {}}, func(in io.WriteCloser, _ chan<- os.Signal) {
			time.Sleep(time.Second)
			in.Close()
		}, exitUnapplied, "ready error", "input closed", time.Second, 0},
	}
	names := []string{"first", "second"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, write := io.Pipe()
				signals := make(chan os.Signal, 1)
				var out bytes.Buffer
				s := session{params: params, in: in, out: newOutput(&out), signals: signals}
				for i, m := range tt.mechs {
					s.mechanisms = append(s.mechanisms, namedMechanism{names[i], []string{"latency"}, func() mechanism { return m }})
				}
				start := time.Now()
				var driving sync.WaitGroup
				driving.Go(func() {
					io.WriteString(write, LineApply+"\n")
					tt.drive(write, signals)
				})
				code := s.run()
				took := time.Since(start)
				in.Close() // lets the driver and the reader go
				driving.Wait()

				if code != tt.code {
					t.Errorf("exit code: expected %d, found %d", tt.code, code)
				}
				if took != tt.after {
					t.Errorf("expected the end after %s, found %s", tt.after, took)
				}
				var events []string
				var last Message
				for r := NewMessages(&out); ; {
					m, err := r.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					events, last = append(events, m.Event), m
				}
				if got := strings.Join(events, " "); got != tt.events {
					t.Errorf("events: expected %q, found %q", tt.events, got)
				}
				if !strings.Contains(last.Why+last.Error, tt.why) {
					t.Errorf("expected a reason with %q, found %+v", tt.why, last)
				}
				if told := strings.Contains(tt.why, "told to"); last.Told != told {
					t.Errorf("told: expected %t, found %t", told, last.Told)
				}
				if last.Dirty != (tt.code == exitDirty) {
					t.Errorf("dirty: expected %t, found %t", tt.code == exitDirty, last.Dirty)
				}
				for i, m := range tt.mechs[:len(tt.mechs)-1] {
					if m.reverted != 1 {
						t.Errorf("mechanism %s was applied in part and reverted %d times", names[i], m.reverted)
					}
				}
				if m := tt.mechs[len(tt.mechs)-1]; m.reverted != tt.undone {
					t.Errorf("the last mechanism was to be reverted %d times, found %d", tt.undone, m.reverted)
				}
			})
		})
	}
}

// TestSessionWaits has helpers that are not asked to impair anything: they do not, and end.
func TestSessionWaits(t *testing.T) {
	for name, last := range map[string]string{"until ordeal dies": "", "until ordeal gives up": LineRevert} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, write := io.Pipe()
				var out bytes.Buffer
				m := new(fakeMechanism)
				s := session{
					params: Params{ID: "f", Condition: slow(time.Second, 0), Deadline: time.Minute}, in: in, out: newOutput(&out),
					mechanisms: []namedMechanism{{"only", []string{"latency"}, func() mechanism { return m }}},
				}
				var driving sync.WaitGroup
				driving.Go(func() {
					time.Sleep(time.Second)
					io.WriteString(write, last+"\n")
					write.Close()
				})
				code := s.run()
				driving.Wait()
				if code != exitUnapplied || m.applied+m.reverted > 0 {
					t.Errorf("expected exit code %d and nothing done, found %d, %d times applied and %d times reverted",
						exitUnapplied, code, m.applied, m.reverted)
				}
				if said := out.String(); !strings.Contains(said, "stopped before traffic was impaired") {
					t.Errorf("expected it to say that it was stopped before, found %s", said)
				}
			})
		})
	}
}

// A mechanism that cannot do a condition is not tried, and why stands in the refusals.
func TestSessionTriesWhatCanDoTheCondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, write := io.Pipe()
		var out bytes.Buffer
		cannot, canDo := new(fakeMechanism), new(fakeMechanism)
		s := session{
			params: Params{ID: "f", Condition: slow(time.Second, 0), Deadline: time.Minute},
			in:     in, out: newOutput(&out),
			mechanisms: []namedMechanism{
				{"first", []string{"loss"}, func() mechanism { return cannot }},
				{"second", []string{"loss", "latency"}, func() mechanism { return canDo }},
			},
		}
		var driving sync.WaitGroup
		driving.Go(func() { io.WriteString(write, LineApply+"\n"+LineRevert+"\n") })
		code := s.run()
		in.Close()
		driving.Wait()
		if code != exitOK || cannot.applied+cannot.reverted != 0 || canDo.applied != 1 {
			t.Errorf("exit %d, the first was applied %d times, the second %d", code, cannot.applied, canDo.applied)
		}
		if want := `"refused":["first: it cannot do latency, only loss"]`; !strings.Contains(out.String(), want) {
			t.Errorf("it says %s, want %s in it", out.String(), want)
		}
	})
}
