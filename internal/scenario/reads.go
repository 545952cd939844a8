package scenario

// reads are what files were found to hold, by their paths. Requests, flows and
// stages often name the same file: it is read once, and so is one that cannot
// be read, which may be just as large.
type reads[V any] map[string]reading[V]

type reading[V any] struct {
	value V
	err   error
}

// of returns what the file at path holds; first says that it was read just now.
func (r *reads[V]) of(path string, read func() (V, error)) (value V, first bool, err error) {
	found, known := (*r)[path]
	if !known {
		if *r == nil {
			*r = make(reads[V])
		}
		found.value, found.err = read()
		(*r)[path] = found
	}
	return found.value, !known, found.err
}
