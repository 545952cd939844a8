package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
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
	conf := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s: expected certificates in PEM form, found none", t.CA)
		}
	}
	switch {
	case t.Cert != "" && t.Key != "":
		cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("cert and key: %s and %s: %s", t.Cert, t.Key, strings.TrimPrefix(err.Error(), "tls: "))
		}
		conf.Certificates = []tls.Certificate{cert}
	case t.Cert != "":
		return nil, errors.New("key: expected the client certificate's key beside cert, found none")
	case t.Key != "":
		return nil, errors.New("cert: expected the client certificate beside key, found none")
	}
	return conf, nil
}
