package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// made are files that are too long to be kept, or that must be new.
var made = map[string]func() map[string][]byte{
	"requests":  scenario(manyRequests),
	"stages":    scenario(manyStages),
	"bomb":      scenario(bomb),
	"bomb-name": scenario(bombName),
	"tls":       certificate,
}

func scenario(make func() string) func() map[string][]byte {
	return func() map[string][]byte { return map[string][]byte{"s.yaml": []byte(make())} }
}

func manyRequests() string {
	var b strings.Builder
	b.WriteString(
		"name: x\ntarget: ${TARGET}\nattack:\n late_budget: 9s\n timeout: 9s\n requests:\n",
	)
	for i := range 5200 {
		fmt.Fprintf(&b, " - {name: r%d,get: /g}\n", i)
	}
	b.WriteString(" stages: [{name: s,rate: 2000/s,for: 6s}]\nverdict: [\"error_rate < 1%\"]\n")
	return b.String()
}

func manyStages() string {
	var b strings.Builder
	b.WriteString(
		"name: x\ntarget: ${TARGET}\nattack:\n late_budget: 9s\n timeout: 9s\n requests:\n",
	)
	for i := range 1500 {
		fmt.Fprintf(&b, " - {name: r%d,get: /g}\n", i)
	}
	b.WriteString(" stages:\n")
	for i := range 400 {
		fmt.Fprintf(&b, " - {name: s%d,rate: 1k/s,for: 10ms}\n", i)
	}
	b.WriteString("verdict: [\"error_rate < 1%\"]\n")
	return b.String()
}

func bomb() string {
	return "name: x\ntarget: http://127.0.0.1:1\nattack: { requests: [ { name: r, post: /, body: \"" +
		strings.Repeat(
			"${A}",
			20_000,
		) + "\" } ], stages: [ { name: s, rate: 1/s, for: 1s } ] }\n"
}

func bombName() string {
	return "name: \"" + strings.Repeat("${A}", 20_000) + "\"\ntarget: http://127.0.0.1:1\n" +
		"attack: { requests: [ { name: r, get: / } ], stages: [ { name: s, rate: 1/s, for: 1s } ] }\n"
}

// certificate is a certificate for 127.0.0.1 that nobody else has signed.
func certificate() map[string][]byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // never, by crypto/rand's contract
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "127.0.0.1"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	signed, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		panic(err) // all of it is above
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // likewise
	}
	return map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}
