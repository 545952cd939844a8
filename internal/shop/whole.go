package shop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
)

// whole is a gateway and two apis in one process.
type whole struct{ seed uint64 }

func (c *whole) flags(fs *pflag.FlagSet) {
	fs.Uint64Var(&c.seed, "seed", 1, "seed of the variation in how long an answer takes")
}

func (c *whole) validate() error { return nil }

func (c *whole) run(ctx context.Context, front net.Listener, stdout, stderr io.Writer) error {
	// The apis outlive the gateway, so that what it has in flight can end.
	group, broken := errgroup.WithContext(context.WithoutCancel(ctx))
	apis, closeAPIs := context.WithCancel(broken)
	defer closeAPIs()

	var addrs []string
	for i := range uint64(2) {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			front.Close()
			closeAPIs()
			return errors.Join(fmt.Errorf("cannot open a port for an api: %w", err), group.Wait())
		}
		addrs = append(addrs, ln.Addr().String())
		group.Go(func() error { return serve(apis, ln, newAPI(c.seed+i, nil)) })
	}
	gc := gatewayCommand{apis: addrs, retries: 2, tryTimeout: time.Second}
	g := gc.gateway(log.New(stderr, "gateway: ", 0))
	group.Go(func() error {
		defer closeAPIs()
		defer g.close()
		open, stop := context.WithCancel(broken)
		defer stop()
		defer context.AfterFunc(ctx, stop)()
		return serve(open, front, g)
	})
	url := "http://" + front.Addr().String()
	fmt.Fprintf(stdout, `the shop is open at %[1]s, ctrl-c closes it

  curl %[1]s/products
  curl -i -d '{"sku": "tea-1", "qty": 2}' %[1]s/checkout
  curl %[1]s/readyz

put it through an ordeal: ordeal init writes a scenario, ordeal run runs it
`, url)
	return group.Wait()
}
