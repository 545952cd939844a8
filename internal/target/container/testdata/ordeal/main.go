// Command ordeal stands in for the real one in tests against an engine: it has
// the network helper, and a few services to break.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/target/nethelper"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("expected a command")
	}
	switch os.Args[1] {
	case nethelper.Command:
		os.Exit(nethelper.Main(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	case "serve":
		serve(os.Args[2:])
	case "burn":
		burn(os.Args[2:])
	case "check": // says whether the server in the same container serves
		res, err := http.Get("http://127.0.0.1:8080/")
		if err != nil || res.StatusCode != http.StatusOK {
			fmt.Println("it does not serve:", err)
			os.Exit(1)
		}
	case "fail":
		fmt.Println("reading the configuration")
		fmt.Fprintln(os.Stderr, "cannot go on: no such table")
		os.Exit(3)
	case "complain":
		for range 10_000 { // more than pipes and their readers' buffers hold
			fmt.Fprintln(os.Stderr, "there is no such table")
		}
		fmt.Fprintln(os.Stderr, "gave up")
		os.Exit(4)
	case "hang":
		fmt.Println("thinking")
		time.Sleep(time.Hour)
	default:
		log.Fatalf("unknown command %q", os.Args[1])
	}
}

// burn uses the CPU for a share of the time, by its own account, holds memory, and answers / with
// how many nanoseconds of CPU time it has used.
func burn(args []string) {
	f := flag.NewFlagSet("burn", flag.ExitOnError)
	cores := f.Float64("cores", 0.5, "")
	hold := f.Int("hold", 100<<20, "")
	f.Parse(args)
	held, err := syscall.Mmap(-1, 0, *hold, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		log.Fatal(err)
	}
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, int64(used())) })
	go func() { log.Fatal(http.ListenAndServe(":8080", nil)) }()
	start, before := time.Now(), used()
	for {
		for float64(used()-before) < *cores*float64(time.Since(start)) {
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// used is the CPU time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serve answers / with its name, and /time?url=U with how long a request to U
// takes, in nanoseconds. With -boot it listens only after a while, with -ignore it ignores SIGTERM,
// with -drain it serves on after SIGTERM, which is waited for at /told, until it is asked for /end.
func serve(args []string) {
	f := flag.NewFlagSet("serve", flag.ExitOnError)
	name := f.String("name", "", "")
	ignore := f.Bool("ignore", false, "")
	drain := f.Bool("drain", false, "")
	boot := f.Duration("boot", 0, "")
	f.Parse(args)
	time.Sleep(*boot)
	switch {
	case *ignore:
		signal.Ignore(syscall.SIGTERM)
	case *drain:
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		http.HandleFunc("/told", func(http.ResponseWriter, *http.Request) { <-told })
		http.HandleFunc("/end", func(http.ResponseWriter, *http.Request) { os.Exit(0) })
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, *name) })
	http.HandleFunc("/time", func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		res, err := http.Get(r.URL.Query().Get("url"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		fmt.Fprint(w, time.Since(start).Nanoseconds())
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
