package attack

import "github.com/seed-1574e9de/ordeal/internal/plaintext"

func clip(s string, n int) string { return plaintext.Clip(s, n) }
