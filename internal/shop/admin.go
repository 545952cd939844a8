package shop

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"time"
)

// authTimeout is how long the auth service may take.
const authTimeout = 500 * time.Millisecond

// admin is what only those may open whom the auth service lets in. The gateway asks it for each
// request, and passes on to it who wants a token.
type admin struct {
	addr string
	// failOpen lets everybody in while the auth service does not answer: the mistake that
	// scenarios/fails-open.yaml finds.
	failOpen bool
	client   *http.Client
}

func newAdmin(addr string, failOpen bool) *admin {
	return &admin{
		addr: addr, failOpen: failOpen,
		client: &http.Client{
			Timeout: authTimeout,
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
				MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute, DisableCompression: true,
			},
		},
	}
}

// routes adds what the auth service has a part in.
func (a *admin) routes(mux *http.ServeMux) {
	login := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", a.addr, a.addr
		},
		Transport: a.client.Transport, ErrorHandler: proxyError,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		login.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /admin", func(w http.ResponseWriter, r *http.Request) {
		status, err := a.ask(r)
		switch {
		case status == http.StatusOK, err != nil && a.failOpen:
			answer(w, http.StatusOK, map[string]any{
				"page": "admin", "customers": []string{"ann@shop.example", "bob@shop.example"},
			})
		case err != nil:
			answer(w, http.StatusServiceUnavailable, map[string]string{
				"error": "nobody is let in, as the auth service does not answer: " + err.Error(),
			})
		default:
			answer(w, http.StatusUnauthorized, map[string]string{
				"error": "expected a token in Authorization: Bearer; POST /login gives one",
			})
		}
	})
}

// ask returns the status that the auth service answers for a request, or why it has no answer.
func (a *admin) ask(r *http.Request) (status int, err error) {
	out, err := http.NewRequestWithContext(
		r.Context(), http.MethodGet, "http://"+a.addr+"/check", nil)
	if err != nil {
		return 0, err
	}
	out.Header.Set("Authorization", r.Header.Get("Authorization"))
	resp, err := a.client.Do(out)
	if err != nil {
		return 0, plainCause(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
		return 0, err
	}
	if resp.StatusCode >= 500 {
		return 0, errors.New("it answers " + resp.Status)
	}
	return resp.StatusCode, nil
}

func (a *admin) close() { a.client.CloseIdleConnections() }
