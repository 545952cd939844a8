package scenario

import _ "embed"

//go:embed starter.yaml
var starter string

// Template returns a commented scenario to start from. It runs as it stands.
func Template() string { return starter }
