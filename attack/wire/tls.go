package wire

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// TLS holds the options of https targets. Files are paths, checked to be
// readable and well-formed when the plan is made.
type TLS struct {
	CA         string `json:"ca,omitempty" doc:"PEM file with the certificate authorities to trust, in place of the system's"`
	Cert       string `json:"cert,omitempty" doc:"PEM file with the client certificate"`
	Key        string `json:"key,omitempty" doc:"PEM file with the client certificate's key"`
	ServerName string `json:"server_name,omitempty" doc:"name to expect in the server's certificate"`
	Insecure   bool   `json:"insecure,omitempty" doc:"accept any certificate"`
}

// Config reads the files and returns the client configuration they make; nil
// errors mean that the files are there and well-formed.
func (t TLS) Config() (*tls.Config, error) {
	conf, wrong := t.read(func(name string) string { return name })
	return conf, wrong.Err()
}

// Validate says what is wrong with the options and their files, nil if nothing. path returns where
// a file lies that the options name.
func (t TLS) Validate(path func(name string) string) fielderr.List {
	_, wrong := t.read(path)
	return wrong
}

func (t TLS) read(path func(name string) string) (*tls.Config, fielderr.List) {
	conf := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	var wrong fielderr.List
	if t.CA != "" {
		conf.RootCAs = x509.NewCertPool()
		content, err := os.ReadFile(path(t.CA))
		if err == nil && !conf.RootCAs.AppendCertsFromPEM(content) {
			err = fmt.Errorf("%s holds no certificate", t.CA)
		}
		if err != nil {
			e := fielderr.Wrap(err, "ca", fielderr.Field("ca"))
			wrong = append(wrong, e.WithHint("name a PEM file with -----BEGIN CERTIFICATE-----"))
		}
	}
	switch {
	case t.Cert != "" && t.Key != "":
		cert, err := tls.LoadX509KeyPair(path(t.Cert), path(t.Key))
		if err != nil {
			wrong = append(wrong, badPair(err, path(t.Cert)))
		}
		conf.Certificates = []tls.Certificate{cert}
	case t.Cert != "":
		e := fielderr.At(fielderr.Field("cert"), "a client certificate needs its key")
		wrong = append(wrong, e.WithHint("add key: or remove the certificate"))
	case t.Key != "":
		e := fielderr.At(fielderr.Field("key"), "a client key needs its certificate")
		wrong = append(wrong, e.WithHint("add cert: or remove the key"))
	}
	if wrong != nil {
		return nil, wrong
	}
	return conf, nil
}

// badPair says why a certificate and its key cannot be used. The mistake is at the key if the other
// file holds a certificate.
func badPair(err error, cert string) fielderr.Error {
	key := "cert"
	if content, err := os.ReadFile(cert); err == nil {
		if block, _ := pem.Decode(bytes.TrimSpace(content)); block != nil &&
			block.Type == "CERTIFICATE" {
			key = "key"
		}
	}
	msg := strings.TrimPrefix(err.Error(), "tls: ")
	e := fielderr.At(fielderr.Field(key), "the client certificate cannot be used: %s", msg)
	return e.WithHint("name two PEM files that belong together")
}
