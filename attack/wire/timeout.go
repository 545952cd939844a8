package wire

import "time"

// Timeout bounds a dial that its request has given up on: net/http lets it
// go on for the next one.
const Timeout = 30 * time.Second
