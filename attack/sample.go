package attack

import (
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/attack/expect"
)

// MaxSample bounds what a Sample has of a body, in bytes.
const MaxSample = 2 << 10

// SampleText is the beginning of a body of size bytes, of which body may be the first ones only. It
// ends with a whole character: half of one would be shown as another character, and the redactor
// would not see that a secret goes on after the cut.
func SampleText(body []byte, size int64) (text string, cut bool) {
	body = body[:min(len(body), MaxSample)]
	if size <= int64(len(body)) {
		return expect.Text(body), false
	}
	return expect.Text(wholeRunes(body)), true
}

// wholeRunes takes off the character that the end of b cuts in two, if any.
func wholeRunes(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}
