// Package kinds is the registry of kinds of service.
package kinds

import (
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
	"github.com/seed-1574e9de/ordeal/internal/target/link"
	"github.com/seed-1574e9de/ordeal/internal/target/process"
)

// All lists every kind of service, in the order in which people are told of them.
func All() []target.Kind {
	return []target.Kind{
		process.Kind(),
		container.Kind(),
		link.Kind(),
	}
}
