package scenario

import (
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// tls checks the files of the TLS options, so that no run starts that could
// never connect.
func (b *builder) tls(t *wire.TLS, own *strictyaml.Node) {
	exists := func(key string, name *string) bool {
		_, ok := b.files.existing(b.Where(name, own), key, *name, maxPEM)
		return ok || *name == ""
	}
	there := *t // without the files that are not
	if !exists("ca", &t.CA) {
		there.CA = ""
	}
	cert, key := exists("cert", &t.Cert), exists("key", &t.Key)
	if t.Cert != "" && t.Key != "" && !(cert && key) {
		there.Cert, there.Key = "", ""
	}
	noteFields(b.Decoder, there.Validate(b.files.path), t, own, "tls: options of https targets")
}
