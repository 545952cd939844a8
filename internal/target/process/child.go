package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// outputDelay is how long the output of a dead process is waited for, should
// something that has left its group hold on to it.
const outputDelay = time.Second

// child is one life of a service: a process and all others of its process group. It is over when no
// process of the group is left. That may be later than the end of the process that was started: a
// wrapper script can end before its server.
type child struct {
	pid  int
	id   owner.Owner
	done chan struct{} // closed when it is over and waited for

	result string // how its first process ended, once done

	mu    sync.Mutex
	ended bool // its first process is dead; others of its group may live
	over  bool // nothing is left of it: its id may soon be another's
}

// watcher is called from another goroutine when a child's first process has ended. status says how;
// left says that other processes of its group live on.
type watcher func(status string, left bool)

// spawn starts the command in a process group of its own. ended is called when
// the first process is dead and others live on, and when all are dead.
func spawn(cfg Config, output io.Writer, ended watcher) (*child, error) {
	marked, err := mark()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(cfg.Command[0], cfg.Command[1:]...)
	cmd.Env = append(append(os.Environ(), cfg.Env...), marked)
	cmd.Dir = cfg.Dir
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = outputDelay
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)

	c := &child{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel kills the child when the thread that made it ends, so that
		// thread is kept for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		c.pid = cmd.Process.Pid
		// Before it is waited for, so its entry is there even if it is dead.
		var err error
		if c.id, err = owner.Of(c.pid); err != nil {
			err = fmt.Errorf("looking at the new process %d: %w", c.pid, err)
		}
		started <- err
		c.await(cmd, ended)
		ended(c.result, false)
		close(c.done)
	}()
	if err := <-started; err != nil {
		if c.pid != 0 {
			c.signal(syscall.SIGKILL)
			<-c.done
		}
		return nil, err
	}
	return c, nil
}

// await returns when no process of the group is left, and the first process was waited for
// (wait(2)). Some systems cannot tell that a process is dead without waiting for it: there the rest
// of the group is killed once the first process is dead.
func (c *child) await(cmd *exec.Cmd, ended watcher) {
	// While the dead leader is not waited for, its id cannot be given to another
	// process or group: this is the time to look and to kill by it.
	unwaited := awaitEnd(c.pid) == nil
	if unwaited {
		c.mu.Lock()
		c.ended = true
		c.mu.Unlock()
		awaitGroup(c.pid, func() { ended(exitStatus(c.pid), true) })
		c.finish()
	}
	err := cmd.Wait()
	if !unwaited {
		c.finish()
	}
	switch exit, ok := errors.AsType[*exec.ExitError](err); {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		c.result = "exit status 0"
	case ok:
		c.result = exit.String()
	default:
		c.result = err.Error()
	}
}

// finish notes that it is over, and kills what may be left all the same.
func (c *child) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended, c.over = true, true
	syscall.Kill(-c.pid, syscall.SIGKILL)
}

// signal sends a signal to the group; os.ErrProcessDone if nothing is left of it.
func (c *child) signal(sig syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return os.ErrProcessDone
	}
	err := syscall.Kill(-c.pid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

func (c *child) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// headless says whether the first process has ended and others live on.
func (c *child) headless() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended && !c.over
}

// status says how it ended; it waits for that.
func (c *child) status() string {
	<-c.done
	return c.result
}
