// Package tcp is a protocol of an attack that knows no more of its target than a
// connection: it opens one, sends bytes, and reads an answer that is expected to hold
// some. Databases, caches and health ports are asked so.
package tcp

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// Name is that of the protocol.
const Name = "tcp"

// Protocol is the entry of the registry.
func Protocol() attack.Protocol {
	return attack.Protocol{
		Name: Name, Doc: "bytes to send over a connection, and what to expect",
		New: func() attack.Spec { return new(Request) }, Compile: Compile,
	}
}

// Request is what is sent over a connection, and what is to come back.
type Request struct {
	Address string `json:"address,omitempty" vars:"addr" doc:"host:port to connect to, such as 127.0.0.1:6379 or ${NAME.addr}; by default that of the target"`
	Send    string `json:"send,omitempty" vars:"addr" doc:"what to send; may hold templates, and line ends in double quotes: \"PING\\r\\n\""`
	Hex     string `json:"hex,omitempty" doc:"what to send as hexadecimal digits, in place of send; blanks between them do not count"`
	Until   string `json:"until,omitempty" enum:"connect,line,bytes,close" doc:"where the answer ends: line, at its first line end; bytes, after as many as bytes says; close, when the server closes; connect, there is none. By default line, or connect if nothing is sent and expected"`
	Bytes   int    `json:"bytes,omitempty" positive:"true" doc:"how many bytes the answer has, with until: bytes"`
	Expect  string `json:"expect,omitempty" doc:"what the answer must contain"`
	Matches string `json:"matches,omitempty" doc:"regular expression that the answer must match"`
	Fresh   bool   `json:"new_connection,omitempty" doc:"true: a new connection for each request; by default it is kept for the next, unless the answer ends with it"`
}

var (
	_ attack.Spec        = (*Request)(nil)
	_ attack.SecretTexts = (*Request)(nil)
)

// Where an answer ends.
const (
	untilConnect = "connect"
	untilLine    = "line"
	untilBytes   = "bytes"
	untilClose   = "close"
)

// maxBytes is the longest answer of a known length.
const maxBytes = 64 << 20

// until is where the answer ends.
func (r *Request) until() string {
	if r.Until == "" && r.Send == "" && r.Hex == "" && r.Expect == "" && r.Matches == "" &&
		r.Bytes == 0 {
		return untilConnect
	}
	if r.Until == "" && r.Bytes > 0 {
		return untilBytes
	}
	return cmp.Or(r.Until, untilLine)
}

// placeholder stands for a value that only the run will know.
const placeholder = "1"

// maxTried is how many rows of data a template is tried with, evenly spaced.
const maxTried = 10_000

// Validate implements attack.Spec.
func (r *Request) Validate(data *payload.Data, names []string) fielderr.List {
	var wrong fielderr.List
	if r.Address != "" && !strings.Contains(r.Address, "${") {
		if err := wire.CheckAddress(r.Address); err != nil {
			wrong.Add("address", "address: %s", err)
		}
	}
	if r.Send != "" && r.Hex != "" {
		wrong.Add("hex", "expected one of send and hex, found both")
	}
	if _, err := unhex(r.Hex); err != nil {
		wrong.Add("hex", "hex: %s", err)
	}
	switch until := r.until(); {
	case until == untilBytes && (r.Bytes < 1 || r.Bytes > maxBytes):
		wrong.Add("bytes", "bytes: expected 1 to %d with until: bytes, found %d", maxBytes, r.Bytes)
	case until != untilBytes && r.Bytes != 0:
		wrong.Add("bytes", "bytes goes with until: bytes, found until: %s", until)
	case until == untilConnect && (r.Expect != "" || r.Matches != ""):
		wrong.Add("until", "until: connect has no answer, but one is expected")
	case until != untilConnect && until != untilLine && until != untilBytes && until != untilClose:
		wrong.Add("until", "until: expected connect, line, bytes or close, found %q", until)
	}
	if _, err := regexp.Compile(r.Matches); err != nil {
		wrong.Add("matches", "matches: expected a regular expression: %s",
			strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	if err := r.tryRows(data, names); err != nil {
		wrong = append(wrong, fielderr.Wrap(err, "send", fielderr.Field("send")))
	}
	return wrong
}

// tryRows renders what is sent with rows of data.
func (r *Request) tryRows(data *payload.Data, names []string) error {
	values := new(payload.Values)
	for _, name := range names {
		values.Set(name, placeholder, payload.Untyped)
	}
	var (
		draw payload.Draw
		row  payload.Row
	)
	send, err := payload.New(r.Send, &draw)
	if err != nil {
		return err
	}
	n := max(1, data.Len())
	step := max(1, n/maxTried)
	for i := 0; i < n; i += step {
		draw.Reset(uint64(i), uint64(i))
		row.Reset(data, uint64(i), values)
		if _, err := send.Append(nil, &row); err != nil {
			if data.Len() > 0 {
				return fmt.Errorf("with data row %d: %w", i+1, err)
			}
			return err
		}
	}
	return nil
}

// unhex reads hexadecimal digits with blanks between them.
func unhex(s string) ([]byte, error) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil, fmt.Errorf(
			"expected pairs of hexadecimal digits such as 0d 0a: %s",
			strings.TrimPrefix(err.Error(), "encoding/hex: "),
		)
	}
	return b, nil
}

// Expanded implements attack.Spec.
func (r *Request) Expanded(expand func(string) string, target string) attack.Spec {
	out := *r
	out.Address, out.Send = cmp.Or(expand(r.Address), wire.HostPort(target)), expand(r.Send)
	return &out
}

// Endpoint implements attack.Spec.
func (r *Request) Endpoint() string { return r.Address }

// SecretTexts implements attack.SecretTexts.
func (r *Request) SecretTexts() []string { return secret.Named(r.Send) }

// String implements attack.Spec.
func (r *Request) String() string {
	out := "tcp"
	if r.Address != "" {
		out += " " + r.Address
	}
	switch {
	case r.Hex != "":
		b, _ := unhex(r.Hex) // what is wrong with it, Validate says
		out += fmt.Sprintf(", sends %d bytes", len(b))
	case r.Send != "":
		out += fmt.Sprintf(", sends %q", plaintext.Clip(r.Send, 40))
	}
	return out
}
