#!/bin/bash
# Guess: Go's library for Prometheus' text formats reads a page in OpenMetrics about as fast as the
# same page in the older format, which differs in little more than its last line.
# What happens: its decoder for OpenMetrics takes milliseconds a line, a thousand times as long: more
# than a second for 500 samples.
# Seen with: github.com/prometheus/common v0.74.0 (expfmt), go 1.26.
# Why our user cares: targets answer in OpenMetrics if one asks for it, or if a library's format
# header is sent along. Whoever reads a page of some thousand samples each second beside a load
# takes a whole core from it, and misses the time. ordeal reads such pages by the parser of the
# older format.
# Needs: go.
set -euo pipefail
version=v0.74.0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'GO'
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

const samples = 500

// read returns the least time of three that reading a page took.
func read(page string, f expfmt.FormatType) time.Duration {
	least := time.Hour
	for range 3 {
		got, begun := 0, time.Now()
		d := expfmt.NewDecoder(strings.NewReader(page), expfmt.NewFormat(f))
		for {
			var family dto.MetricFamily
			err := d.Decode(&family)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			got += len(family.Metric)
		}
		least = min(least, time.Since(begun))
		if got != samples {
			fmt.Printf("%d samples were read of %d\n", got, samples)
			os.Exit(1)
		}
	}
	return least
}

func main() {
	var page strings.Builder
	page.WriteString("# TYPE queue_depth gauge\n")
	for i := range samples {
		fmt.Fprintf(&page, "queue_depth{shard=\"%d\"} %d\n", i, i)
	}
	older := read(page.String(), expfmt.TypeTextPlain)
	open := read(page.String()+"# EOF\n", expfmt.TypeOpenMetrics)
	ratio := float64(open) / float64(older)
	fmt.Printf("%d samples: text %v, OpenMetrics %v, %.0f times as long\n",
		samples, older, open, ratio)
	if ratio < 20 {
		fmt.Println("CHANGED: expected more than 20 times as long")
		os.Exit(1)
	}
	fmt.Println("as found: more than 20 times as long")
}
GO
cd "$dir"
go mod init finding >/dev/null 2>&1
go get "github.com/prometheus/common/expfmt@$version" >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
echo "github.com/prometheus/common $version"
go run .
