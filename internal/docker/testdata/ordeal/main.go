// Command ordeal stands in for the real one in tests against an engine: it has
// the agent, and a few services to break.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/agent"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("expected a command")
	}
	switch os.Args[1] {
	case "agent":
		os.Exit(agent.Main(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	case "serve":
		serve(os.Args[2:])
	case "fail":
		fmt.Println("reading the configuration")
		fmt.Fprintln(os.Stderr, "cannot go on: no such table")
		os.Exit(3)
	case "hang":
		fmt.Println("thinking")
		time.Sleep(time.Hour)
	default:
		log.Fatalf("unknown command %q", os.Args[1])
	}
}

// serve answers / with its name, and /time?url=U with how long a request to U
// takes, in nanoseconds.
func serve(args []string) {
	f := flag.NewFlagSet("serve", flag.ExitOnError)
	name := f.String("name", "", "")
	f.Parse(args)
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
