#!/bin/sh
# The guess: a YAML library reads the plain scalar 1e3 as a number, as YAML 1.2's core schema has it
# ([-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?).
# What happens: github.com/goccy/go-yaml v1.19.2 reads 1e3 and 1E+3 as strings, and 1.0e3 as a float.
# Why our user cares: a JSON body written as YAML, json: { timeout: 1e3 }, would go out as {"timeout":"1e3"}, which a
# strictly typed API refuses. ordeal decides by the scalar's text.
# Needs: go.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.24

require github.com/goccy/go-yaml v1.19.2
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

func main() {
	for _, s := range []string{"1e3", "1E+3", "1.0e3", "1000"} {
		var v struct{ A any }
		if err := yaml.Unmarshal([]byte("a: "+s), &v); err != nil {
			panic(err)
		}
		fmt.Printf("%s is a %T\n", s, v.A)
	}
}
GO
GOFLAGS=-mod=mod go run . >out 2>err || { cat err; exit 1; }
echo "github.com/goccy/go-yaml v1.19.2:"
cat out
for line in '1e3 is a string' '1E+3 is a string' '1.0e3 is a float64'; do
	grep -qFx "$line" out || { echo "CHANGED: expected $line"; exit 1; }
done
echo "as found"
