package scenario

// SecretHeader says whether the value of a header of that name must not be
// written to any output: Authorization, Cookie, Set-Cookie, *-Key, *-Token and
// the like.
func SecretHeader(name string) bool { return secretHeader(name) }
