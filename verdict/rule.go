package verdict

// Rule is a compiled rule. It is immutable and safe for concurrent use.
type Rule struct{}
