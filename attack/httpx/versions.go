package httpx

import (
	"errors"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Protocols lists the values of Plan.Protocol.
func Protocols() []string { return []string{"auto", "http1", "http2", "h2c"} }

func UnknownVersion(name string) error {
	return fielderr.At(
		fielderr.Field("protocol"),
		"protocol: expected one of %s, found %q",
		strings.Join(Protocols(), ", "),
		name,
	)
}

// Fits says why a protocol cannot carry a URL's scheme, nil if it can.
func Fits(protocol, scheme string) error {
	switch {
	case protocol == "http2" && scheme == "http":
		return errors.New(
			"protocol http2 is spoken over TLS: expected an https URL, or protocol h2c",
		)
	case protocol == "h2c" && scheme == "https":
		return errors.New(
			"protocol h2c is spoken without TLS: expected an http URL, or protocol http2",
		)
	}
	return nil
}
