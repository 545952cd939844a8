package scenario

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// tls checks the files of the TLS options, so that no run starts that could
// never connect.
func (b *builder) tls(t *wire.TLS, own *strictyaml.Node) {
	ca := b.Where(&t.CA, own)
	if path, ok := b.files.existing(ca, "ca", t.CA, maxPEM); ok {
		pemBytes, err := os.ReadFile(path)
		if err == nil && !x509.NewCertPool().AppendCertsFromPEM(pemBytes) {
			err = fmt.Errorf("%s holds no certificate", t.CA)
		}
		if err != nil {
			b.Failf(ca.Span, "name a PEM file with -----BEGIN CERTIFICATE-----", "ca: %s", err)
		}
	}
	switch {
	case t.Cert == "" && t.Key != "":
		b.Failf(b.Where(&t.Key, own).Span,
			"add cert: or remove the key",
			"a client key needs its certificate")
		return
	case t.Cert != "" && t.Key == "":
		b.Failf(b.Where(&t.Cert, own).Span,
			"add key: or remove the certificate",
			"a client certificate needs its key")
		return
	}
	cert, okCert := b.files.existing(b.Where(&t.Cert, own), "cert", t.Cert, maxPEM)
	key, okKey := b.files.existing(b.Where(&t.Key, own), "key", t.Key, maxPEM)
	if !okCert || !okKey {
		return
	}
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		at := b.Where(&t.Cert, own)
		if content, e := os.ReadFile(cert); e == nil && hasPEM(content) {
			at = b.Where(&t.Key, own)
		}
		b.Failf(at.Span,
			"name two PEM files that belong together",
			"the client certificate cannot be used: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
}

func hasPEM(content []byte) bool {
	block, _ := pem.Decode(bytes.TrimSpace(content))
	return block != nil && block.Type == "CERTIFICATE"
}
