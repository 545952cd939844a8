// Package shop is the built-in demo system: real HTTP services to put under
// load and to break, without anything to install.
//
//	api       products and checkout, a few milliseconds of work each; if asked to,
//	          orders that survive a crash, or that are acknowledged too early
//	gateway   a reverse proxy over any number of apis, which hides the death of one
//	auth      says who may open the gateway's /admin
//	shop      a gateway and two apis in one process, to play with
//
// In a run each of them is a process or a container of its own, made from
// ordeal's own binary, so that a kill is a kill.
package shop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// Exit codes of Main, a subset of ordeal's own.
const (
	exitOK    = 0
	exitUsage = 2 // the command line is wrong or the address cannot be listened on
	exitBroke = 4 // a service stopped by itself
)

// drainTime is how long requests in flight may take to end after SIGTERM.
const drainTime = 3 * time.Second

const usage = `The built-in shop, to play with and to break.

usage: ordeal demo [shop|gateway|api|auth] [flags]

  shop      a gateway and two apis in one process (the default)
  gateway   balances requests over apis and retries failed ones on another
  api       GET /products, POST /checkout {"sku", "qty"}, GET /healthz; with --orders
            also POST /orders and GET /orders/ID, which survive a crash
  auth      POST /login {"user": "admin", "password": "earl-grey"} gives a token;
            a gateway with --auth opens GET /admin for it

Each part has its own --help. The default address is 127.0.0.1:8080; the port
is taken from the environment variable PORT if that is set.
`

// Main runs a part of the shop until SIGINT or SIGTERM, then lets requests in
// flight end, and returns the exit code. args are those after "demo".
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal must end a drain that takes too long.
	context.AfterFunc(ctx, stop)
	return run(ctx, args, os.Getenv, stdout, stderr)
}

// part is a service of the shop. Its command fills it from flags.
type part interface {
	flags(fs *pflag.FlagSet)
	// run serves until ctx ends; it closes ln.
	run(ctx context.Context, ln net.Listener, stdout, stderr io.Writer) error
	validate() error
}

func parts() map[string]func() part {
	return map[string]func() part{
		"shop":    func() part { return &whole{} },
		"gateway": func() part { return &gatewayCommand{} },
		"api":     func() part { return &apiCommand{} },
		"auth":    func() part { return &authCommand{} },
	}
}

func run(
	ctx context.Context,
	args []string,
	getenv func(string) string,
	stdout, stderr io.Writer,
) int {
	name := "shop"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
		fmt.Fprint(stdout, usage)
		return exitOK
	}
	newPart, ok := parts()[name]
	if !ok {
		fmt.Fprintf(
			stderr,
			"ordeal demo: expected shop, gateway, api or auth, found %q; see ordeal demo --help\n",
			name,
		)
		return exitUsage
	}
	p := newPart()
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	listen := fs.String("listen", "", "address to listen on (default 127.0.0.1:${PORT:-8080})")
	p.flags(fs)
	wrong := func(err error) int {
		fmt.Fprintf(stderr, "ordeal demo %s: %v; see ordeal demo %s --help\n", name, err, name)
		return exitUsage
	}
	switch err := fs.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprintf(stdout, "usage: ordeal demo %s [flags]\n\n%s", name, fs.FlagUsages())
		return exitOK
	case err != nil:
		return wrong(err)
	case fs.NArg() > 0:
		return wrong(fmt.Errorf("expected flags only, found %q", fs.Arg(0)))
	}
	if err := p.validate(); err != nil {
		return wrong(err)
	}
	if *listen == "" {
		port, err := portFrom(getenv("PORT"))
		if err != nil {
			return wrong(err)
		}
		*listen = net.JoinHostPort("127.0.0.1", port)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		fmt.Fprintf(stderr, "ordeal demo %s: %s\n", name, explainListen(*listen, err))
		return exitUsage
	}
	if err := p.run(ctx, ln, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "ordeal demo %s: %v\n", name, err)
		return exitBroke
	}
	return exitOK
}

func portFrom(env string) (string, error) {
	if env == "" {
		return "8080", nil
	}
	n, err := strconv.ParseUint(env, 10, 16)
	if err != nil {
		return "", fmt.Errorf(
			"expected a port from 0 to 65535 in the environment variable PORT, found %q",
			env,
		)
	}
	return strconv.FormatUint(n, 10), nil
}

func explainListen(addr string, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf(
			"cannot listen on %s: another program already does; end it, or choose another "+
				"address with --listen or another port with PORT",
			addr,
		)
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf(
			"cannot listen on %s: not permitted; choose a port above 1023 with --listen or PORT",
			addr,
		)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf(
			"cannot listen on %s: this machine does not have that address; 127.0.0.1 is always "+
				"there, 0.0.0.0 stands for all",
			addr,
		)
	}
	return fmt.Sprintf(
		"cannot listen on %s: %v; expected HOST:PORT, such as 127.0.0.1:8080",
		addr,
		err,
	)
}

// serve answers on ln with h until ctx ends, then drains. It closes ln.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		// Longer than any client of ours keeps a connection, so that none is
		// closed under a request that has just been written to it.
		IdleTimeout: 5 * time.Minute,
		// Clients that vanish are what the shop is for, not news.
		ErrorLog:  log.New(io.Discard, "", 0),
		Protocols: new(http.Protocols),
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)

	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("stopped serving: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		srv.Close()
	}
	<-served
	return nil
}
