package shop

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/pflag"
)

// Product is one thing that the shop sells. Prices are in cents.
type Product struct {
	SKU   string `json:"sku"`
	Name  string `json:"name"`
	Price int    `json:"price"`
}

// Products is what the shop sells.
func Products() []Product {
	return []Product{
		{"tea-1", "Green tea, 100 g", 690},
		{"tea-2", "Black tea, 100 g", 590},
		{"cup-1", "Blue cup", 1450},
		{"pot-1", "Iron pot", 4900},
		{"filter-1", "Paper filters, 100", 420},
		{"spoon-1", "Measuring spoon", 350},
	}
}

const (
	keyHeader = "Idempotency-Key"
	maxQty    = 100
	maxBody   = 1 << 20
)

type apiCommand struct {
	seed   uint64
	orders string
	early  bool
}

func (c *apiCommand) flags(fs *pflag.FlagSet) {
	fs.Uint64Var(&c.seed, "seed", 1, "seed of the variation in how long an answer takes")
	fs.StringVar(
		&c.orders,
		"orders",
		"",
		"folder to keep orders in, which makes POST /orders work; it is made if need be",
	)
	fs.BoolVar(
		&c.early,
		"acknowledge-early",
		false,
		"acknowledge orders before they are on the disk, so that a crash loses some",
	)
}

func (c *apiCommand) validate() error {
	if c.early && c.orders == "" {
		return errors.New("expected --orders DIR with --acknowledge-early, found none")
	}
	return nil
}

func (c *apiCommand) run(ctx context.Context, ln net.Listener, stdout, _ io.Writer) error {
	var kept *orders
	if c.orders != "" {
		// One file for each port: a service comes back where it was, and so finds its orders.
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		var err error
		if kept, err = openOrders(c.orders, port, c.early); err != nil {
			ln.Close()
			return err
		}
		defer kept.close()
	}
	fmt.Fprintf(stdout, "api listens on http://%s\n", ln.Addr())
	return serve(ctx, ln, newAPI(c.seed, kept))
}

// newAPI returns the api. A checkout keeps nothing: its number is made from
// its idempotency key, as a unique key in a shared database would make it, so
// every replica gives a repeated one the same number. Without kept there are no
// orders.
func newAPI(seed uint64, kept *orders) http.Handler {
	work := newWork(seed)
	bySKU := make(map[string]Product)
	for _, p := range Products() {
		bySKU[p.SKU] = p
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /products", func(w http.ResponseWriter, r *http.Request) {
		work.do(r.Context())
		answer(w, http.StatusOK, Products())
	})
	mux.HandleFunc("POST /checkout", func(w http.ResponseWriter, r *http.Request) {
		order, product, ok := orderOf(w, r, bySKU)
		if !ok {
			return
		}
		work.do(r.Context())
		answer(w, http.StatusCreated, map[string]any{
			"order": orderNumber(
				r.Header.Get(keyHeader),
			), "sku": order.SKU, "qty": order.Qty, "total": order.Qty * product.Price,
		})
	})
	if kept != nil {
		mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
			order, _, ok := orderOf(w, r, bySKU)
			if !ok {
				return
			}
			id := orderNumber(r.Header.Get(keyHeader))
			if err := kept.add(id, order); err != nil {
				status := http.StatusInternalServerError
				if errors.Is(err, errOther) {
					status = http.StatusConflict
				}
				answer(w, status, map[string]string{"error": err.Error()})
				return
			}
			answer(w, http.StatusCreated, map[string]string{"id": id})
		})
		mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
			order, ok := kept.get(r.PathValue("id"))
			if !ok {
				answer(w, http.StatusNotFound, map[string]string{"error": "there is no such order"})
				return
			}
			answer(w, http.StatusOK, order)
		})
	}
	return mux
}

// orderOf reads an order, or answers what is wrong with it.
func orderOf(
	w http.ResponseWriter, r *http.Request, bySKU map[string]Product,
) (order, Product, bool) {
	o, product, err := readOrder(w, r, bySKU)
	if err != nil {
		status := http.StatusUnprocessableEntity
		if bad, ok := errors.AsType[*badRequest](err); ok {
			status = bad.status
		}
		answer(w, status, map[string]string{"error": err.Error()})
		return o, product, false
	}
	return o, product, true
}

type order struct {
	SKU string `json:"sku"`
	Qty int    `json:"qty"`
}

// badRequest is a body that is no order at all.
type badRequest struct {
	status int
	msg    string
}

func (e *badRequest) Error() string { return e.msg }

func readOrder(
	w http.ResponseWriter,
	r *http.Request,
	bySKU map[string]Product,
) (order, Product, error) {
	var o order
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return o, Product{}, &badRequest{
				http.StatusRequestEntityTooLarge,
				"expected an order of at most 1 MiB",
			}
		}
		return o, Product{}, &badRequest{
			http.StatusBadRequest,
			fmt.Sprintf(`expected {"sku": "tea-1", "qty": 1}: %v`, err),
		}
	}
	product, ok := bySKU[o.SKU]
	if !ok {
		return o, Product{}, fmt.Errorf(
			"no product has the sku %q; GET /products lists them",
			o.SKU,
		)
	}
	if o.Qty < 1 || o.Qty > maxQty {
		return o, Product{}, fmt.Errorf("expected a qty from 1 to %d, found %d", maxQty, o.Qty)
	}
	return o, product, nil
}

func orderNumber(key string) string {
	if key == "" {
		key = rand.Text()
	}
	sum := sha256.Sum256([]byte(key))
	return "o-" + hex.EncodeToString(sum[:8])
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The only way to fail is a client that is gone.
	_ = json.NewEncoder(w).Encode(v)
}

// work stands for what an api does before it answers: 1 ms, and an
// exponentially distributed part of 1 ms on average, cut at 15 ms.
type work struct {
	mu  sync.Mutex
	rng *mathrand.Rand
}

func newWork(seed uint64) *work {
	return &work{rng: mathrand.New(mathrand.NewPCG(seed, 0))}
}

func (w *work) next() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := time.Millisecond + time.Duration(w.rng.ExpFloat64()*float64(time.Millisecond))
	return min(d, 15*time.Millisecond)
}

func (w *work) do(ctx context.Context) {
	t := time.NewTimer(w.next())
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
