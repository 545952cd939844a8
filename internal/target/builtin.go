package target

import "github.com/seed-1574e9de/ordeal/internal/ready"

// Builtins lists the parts of the built-in shop, which a kind can start.
func Builtins() []string { return []string{"api", "auth", "gateway", "shop"} }

// BuiltinPort is where a part of the shop listens in a container of its own.
const BuiltinPort = 8080

// BuiltinReady is how a part of the shop is asked.
var BuiltinReady = ready.Check{HTTP: "/healthz"}
