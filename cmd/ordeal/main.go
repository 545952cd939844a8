// Command ordeal puts a system through an ordeal and returns a verdict.
package main

import (
	"os"

	"github.com/seed-1574e9de/ordeal/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
