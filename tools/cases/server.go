package main

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// raw are answers that net/http would not write, by path.
var raw = map[string]string{
	"/lf": "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok",
	"/dupcl": "HTTP/1.1 200 OK\r\nConnection: close\r\n" +
		"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
}

// cookies are odd cookies by name: what is set, and what a browser sends back.
// Source: RFC 6265, sections 5.2 and 5.4; both are sent as bytes, as they are.
var cookies = map[string]struct{ set, back string }{
	"comma":     {"sid=2543ebb4,Fy4oMd; Path=/", "sid=2543ebb4,Fy4oMd"},
	"space":     {"name=John Doe; Path=/", "name=John Doe"},
	"json":      {`prefs={"theme":"dark","n":1}; Path=/`, `prefs={"theme":"dark","n":1}`},
	"utf8":      {"name=Zoë; Path=/", "name=Zoë"},
	"backslash": {`sid=a\b; Path=/`, `sid=a\b`},
	"brackets":  {"cart[0]=x; Path=/", "cart[0]=x"},
	"at":        {"user@x=1; Path=/", "user@x=1"},
	"quoted":    {`sid="abc def"; Path=/`, `sid="abc def"`},
	"equals":    {"tok=a=b==; Path=/", "tok=a=b=="},
}

// listening begins the line that a server prints once it takes connections.
const listening = "listening on "

// serve starts the server that the cases ask, on a free port.
func serve() (target string, stop func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: handler()}
	go func() { _ = s.Serve(ln) }()
	return "http://" + ln.Addr().String(), func() { _ = s.Close() }, nil
}

// handler answers what the cases ask; anything else with "ok". It answers as a
// forward proxy too, for every host, without asking it.
func handler() http.Handler {
	mux := http.NewServeMux()
	for path, answer := range raw {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { hijacked(w, answer) })
	}
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, `{"n": 7}`)
		_ = z.Close()
	})
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "fromredirect", Path: "/"})
		http.Redirect(w, r, "/home", http.StatusFound)
	})
	mux.HandleFunc("/home", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("sid"); err != nil || c.Value != "fromredirect" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	mux.HandleFunc("/bake", func(w http.ResponseWriter, r *http.Request) {
		hijacked(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nSet-Cookie: "+
			cookies[r.URL.Query().Get("kind")].set+"\r\n\r\nok")
	})
	mux.HandleFunc("/baked", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != cookies[r.URL.Query().Get("kind")].back {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	// Only the body with this digest is right.
	mux.HandleFunc("/sha256/{sum}", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		_, _ = io.Copy(h, r.Body)
		if hex.EncodeToString(h.Sum(nil)) != r.PathValue("sum") {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	// A strictly typed API: quantity and id are numbers.
	mux.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) {
		var order struct{ Qty, ID int }
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil || order.Qty == 0 ||
			order.ID == 0 {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("url"), http.StatusMovedPermanently)
	})
	mux.HandleFunc("/after", func(w http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.URL.Query().Get("d"))
		time.Sleep(d)
		_, _ = io.WriteString(w, "ok")
	})
	// It ends a service that has run for a while; the next one answers.
	began := time.Now()
	mux.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) {
		if time.Since(began) > 20*time.Second {
			os.Exit(2)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "ok")
	})
	return mux
}

// hijacked writes an answer as it is and closes the connection, which the answer
// says.
func hijacked(w http.ResponseWriter, answer string) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, answer)
}

// serveMain is the command serve: a service with the weaknesses that its flags say.
func serveMain(args []string) error {
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	addr := f.String("addr", ":8080", "where it listens")
	boot := f.Duration("boot", 0, "how long it takes before it listens")
	mark := f.String("mark", "", "a file that tells the first start from the others")
	bootAgain := f.Duration("boot-again", 0, "the same as boot, for other starts than the first")
	badAgain := f.Int64("bad-again", 0, "of 20 answers, how many are 500 after other starts")
	each := f.Duration("each", 0, "how long each answer takes")
	pauseAt := f.Duration("pause-at", 0, "how long after the start it stands still, once")
	pauseFor := f.Duration("pause-for", 0, "for how long")
	term := f.String("term", "", "what SIGTERM does: ignore, or drain:8s to serve on for 8 s")
	cert := f.String("cert", "", "certificate: serve TLS")
	key := f.String("key", "", "its key")
	logs := f.Bool("log", false, "print each request")
	if err := f.Parse(args); err != nil {
		return err
	}
	again := false
	if *mark != "" {
		_, err := os.Stat(*mark)
		again = err == nil
		if err := os.WriteFile(*mark, nil, 0o600); err != nil {
			return err
		}
	}
	if d, ok := strings.CutPrefix(*term, "drain:"); ok {
		d, err := time.ParseDuration(d)
		if err != nil {
			return err
		}
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		go func() {
			<-told
			time.Sleep(d)
			os.Exit(0)
		}()
	} else if *term == "ignore" {
		signal.Ignore(syscall.SIGTERM)
	}
	if dir := os.Getenv("CASE_DIR"); dir != "" {
		go endWith(dir)
	}
	if again {
		*boot = *bootAgain
	}
	time.Sleep(*boot)
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Println(listening + ln.Addr().String())
	began := time.Now()
	var answers atomic.Int64
	h := handler()
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if *logs {
			fmt.Println(r.Method, r.RequestURI, "for", r.Host)
		}
		if r.URL.Path == "/healthz" {
			return
		}
		if left := time.Until(began.Add(*pauseAt + *pauseFor)); 0 < left && left < *pauseFor {
			time.Sleep(left)
		}
		time.Sleep(*each)
		if again && answers.Add(1)%20 < *badAgain {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.ServeHTTP(w, r)
	})}
	if *cert != "" {
		return s.ServeTLS(ln, *cert, *key)
	}
	return s.Serve(ln)
}

// endWith ends this process once the case's folder is gone: no case leaves a
// server behind, even one that no process of the case knows any more.
func endWith(dir string) {
	for {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			os.Exit(0)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// ask asks until the answer is good, for at most as long as said.
func ask(ctx context.Context, url string, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		err := askOnce(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s gives no good answer: %w", url, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func askOnce(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// Never by a proxy that the case's environment names.
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", res.Status)
	}
	return nil
}
