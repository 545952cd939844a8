package fast

// Sizes from which on bodies take another way, and what a connection is trusted for, so
// that tests from outside stay on both sides of them.
const (
	CoalesceSize  = coalesceSize
	AsyncBodySize = asyncBodySize
	ReuseTrust    = reuseTrust
	FreshWindow   = freshWindow
	CheckEvery    = checkEvery
)
