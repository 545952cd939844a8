// Package ready asks services whether they serve.
//
// A Check says what to ask, and is part of a plan and of a journal's entry. A
// Prober asks it, again and again if need be. Processes, containers, links and
// the load's target are all asked by the same code.
//
// That a connection is accepted is no answer: proxies accept for others, as
// docker-proxy does for a container that does not listen yet.
package ready

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// DefaultTimeout is how long a service may take to get ready if nothing says
// how long it needs.
const DefaultTimeout = 30 * time.Second

// Check says how a service is asked whether it is ready: one of HTTP, TCP and
// Command. The zero value asks nothing.
type Check struct {
	HTTP    string   `json:"http,omitempty"`    // URL that answers 2xx, after any redirects
	TCP     string   `json:"tcp,omitempty"`     // host:port that takes a connection and keeps it
	Command []string `json:"command,omitempty"` // exits with status 0
	// TLS holds the options of an https URL.
	TLS *wire.TLS `json:"tls,omitempty"`
}

// IsZero says whether there is nothing to ask.
func (c Check) IsZero() bool { return c.HTTP == "" && c.TCP == "" && len(c.Command) == 0 }

// String says for people what is asked.
func (c Check) String() string {
	switch {
	case c.HTTP != "":
		if u, err := url.Parse(c.HTTP); err == nil {
			return u.Redacted()
		}
		return c.HTTP
	case c.TCP != "":
		return "tcp://" + c.TCP
	case len(c.Command) > 0:
		return "the command " + strings.Join(c.Command, " ")
	}
	return "nothing"
}

// Options are what a Prober needs beside its Check. The zero value reaches this
// machine and private networks, and runs commands on this machine.
type Options struct {
	Hosts *allow.Hosts // which hosts may be asked
	// Dial opens connections in place of a dialler that keeps to Hosts.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Held returns nil if a new connection to an address is one to the service
	// itself, where more is known than that it stays open, as httpx.HeldOpen finds.
	Held func(ctx context.Context, conn net.Conn, address string) error
	// Run runs a command where the service is, and returns an error unless it
	// exits with status 0.
	Run func(ctx context.Context, command []string) error
}

// Prober asks one Check. Its methods may be called from any goroutine.
type Prober struct {
	check Check
	opt   Options
	web   *http.Client
}

// NewProber fails if the check's certificates cannot be read.
func NewProber(c Check, opt Options) (*Prober, error) {
	if opt.Dial == nil {
		opt.Dial = (&allow.Dialer{Hosts: opt.Hosts}).DialContext
	}
	if opt.Run == nil {
		opt.Run = func(ctx context.Context, command []string) error { return RunHere(ctx, command, "", nil) }
	}
	if opt.Held == nil {
		opt.Held = func(ctx context.Context, conn net.Conn, _ string) error { return httpx.HeldOpen(ctx, conn) }
	}
	p := &Prober{check: c, opt: opt}
	if c.HTTP == "" {
		return p, nil
	}
	var conf *tls.Config
	if c.TLS != nil {
		var err error
		if conf, err = c.TLS.Config(); err != nil {
			return nil, fmt.Errorf("ready: tls: %w", err)
		}
	}
	p.web = &http.Client{
		// A proxy of the environment would answer in the service's place.
		Transport: &http.Transport{
			DialContext: opt.Dial, TLSClientConfig: conf, ForceAttemptHTTP2: true, DisableKeepAlives: true, DisableCompression: true,
		},
	}
	return p, nil
}

// Check returns what is asked.
func (p *Prober) Check() Check { return p.check }

// tryTimeout bounds one question: a service that answers later is not ready.
const tryTimeout = 10 * time.Second

// Ask asks once; nil is a yes.
func (p *Prober) Ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(
		ctx,
		tryTimeout,
		fmt.Errorf("no answer within %s", tryTimeout),
	)
	defer cancel()
	var err error
	switch {
	case p.check.HTTP != "":
		err = p.askHTTP(ctx)
	case p.check.TCP != "":
		err = p.held(ctx, p.check.TCP)
	case len(p.check.Command) > 0:
		err = p.opt.Run(ctx, p.check.Command)
	}
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	return err
}

func (p *Prober) askHTTP(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.check.HTTP, nil)
	if err != nil {
		return fmt.Errorf("expected a URL to ask, found %q: %w", p.check.HTTP, err)
	}
	resp, err := p.web.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			return u.Err
		}
		return err
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}

// held returns nil if host:port takes a connection and keeps it.
func (p *Prober) held(ctx context.Context, addr string) error {
	conn, err := p.opt.Dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	return p.opt.Held(ctx, conn, addr)
}

// Await asks until the answer is yes. It gives up after within, when ctx ends, and when inVain
// returns an error: why waiting longer is in vain. inVain may be nil. The error of Await says what
// was found last.
func (p *Prober) Await(ctx context.Context, within time.Duration, inVain func() error) error {
	end := Await(ctx, within, func(ctx context.Context) (missing error, vain bool) {
		if missing = p.Ask(ctx); missing == nil {
			return nil, false
		}
		if refused, ok := errors.AsType[*allow.Error](missing); ok {
			return fmt.Errorf("%s is not to be asked: %w", p.check, refused), true
		}
		if inVain != nil {
			if err := inVain(); err != nil {
				return err, true
			}
		}
		return missing, false
	})
	switch {
	case end == nil:
		return nil
	case end.GivenUp != nil:
		return fmt.Errorf("%w; last found: %w", end.GivenUp, end.Missing)
	case end.Late:
		return &TimeoutError{Check: p.check, Within: within, Last: end.Missing}
	}
	return end.Missing
}

// TimeoutError says that a service did not get ready in time.
type TimeoutError struct {
	Check  Check
	Within time.Duration
	Last   error
}

func (e *TimeoutError) Error() string {
	want := "2xx at"
	switch {
	case e.Check.TCP != "":
		want = "a connection that stays open at"
	case len(e.Check.Command) > 0:
		want = "exit status 0 of"
	}
	return fmt.Sprintf(
		"not ready after %s: expected %s %s, last found: %v",
		quantity.FormatDuration(e.Within),
		want,
		e.Check,
		e.Last,
	)
}

func (e *TimeoutError) Unwrap() error { return e.Last }

// Close gives up what is kept open.
func (p *Prober) Close() {
	if p.web != nil {
		p.web.CloseIdleConnections()
	}
}
