package wire

import "time"

// Timeout is how long a dial may go on after its request has given up: net/http lets it go on for
// the next request.
const Timeout = 30 * time.Second
