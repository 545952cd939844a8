package main

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// targets are small servers on loopback.
type targets struct {
	addrs   map[string]string // by name
	servers []*http.Server
}

// serve starts a good target, one that answers every 50th request with 500, one that
// never answers every 50th, and one that takes ten times as long as it should.
func serve() (*targets, error) {
	t := &targets{addrs: map[string]string{}}
	answer := func(w http.ResponseWriter, takes time.Duration, status int) {
		time.Sleep(takes)
		w.WriteHeader(status)
		fmt.Fprintln(w, "tea")
	}
	const usual = 10 * time.Millisecond
	every50th := func() func() bool {
		var n atomic.Uint64
		return func() bool { return n.Add(1)%50 == 0 }
	}
	fails, hangs := every50th(), every50th()
	for name, handle := range map[string]http.HandlerFunc{
		"good": func(w http.ResponseWriter, _ *http.Request) { answer(w, usual, http.StatusOK) },
		"failing": func(w http.ResponseWriter, _ *http.Request) {
			if fails() {
				answer(w, usual, http.StatusInternalServerError)
				return
			}
			answer(w, usual, http.StatusOK)
		},
		"hanging": func(w http.ResponseWriter, r *http.Request) {
			if hangs() {
				<-r.Context().Done()
				return
			}
			answer(w, usual, http.StatusOK)
		},
		"slow": func(w http.ResponseWriter, _ *http.Request) { answer(w, 300*time.Millisecond, http.StatusOK) },
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.close()
			return nil, err
		}
		s := &http.Server{Handler: handle}
		t.servers = append(t.servers, s)
		t.addrs[name] = ln.Addr().String()
		go func() { _ = s.Serve(ln) }()
	}
	return t, nil
}

func (t *targets) close() {
	for _, s := range t.servers {
		_ = s.Close()
	}
}
