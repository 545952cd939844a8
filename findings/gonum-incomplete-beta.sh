#!/bin/sh
# The guess: a regularized incomplete beta function is a probability, whatever its parameters are.
# What happens: gonum.org/v1/gonum v0.17.0, mathext.RegIncBeta, is right to six digits with parameters of half a
# million. Around the mean it says 0.64 in place of 0.49996 with parameters of fifty million, and 1.56 with half a
# thousand million: more than certain. Its inverse, InvRegIncBeta, agrees with the normal approximation up to fifty
# million.
# Why our user cares: the exact interval of a share (Clopper and Pearson) is made of it, and a soak of days has a
# thousand million requests. ordeal asks for intervals of at most a hundred million of them, which is on the safe side.
# Needs: go.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.24

require gonum.org/v1/gonum v0.17.0
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"

	"gonum.org/v1/gonum/mathext"
)

// For a large a, I(a+1, a) at 0.5 is 0.5 - 1/(2 sqrt(pi a)): a little less than one half.
func main() {
	for _, a := range []float64{5e5, 5e7, 5e8} {
		fmt.Printf("I(%.0f, %.0f) at 0.5: %.4f\n", a+1, a, mathext.RegIncBeta(a+1, a, 0.5))
	}
}
GO
GOFLAGS=-mod=mod go run . >out 2>err || { cat err; exit 1; }
echo "gonum.org/v1/gonum v0.17.0, expected 0.4996, 0.5000 and 0.5000:"
cat out
for line in 'I(500001, 500000) at 0.5: 0.4996' 'I(50000001, 50000000) at 0.5: 0.6399' 'I(500000001, 500000000) at 0.5: 1.5625'; do
	grep -qFx "$line" out || { echo "CHANGED: expected $line"; exit 1; }
done
echo "as found"
