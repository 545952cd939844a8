package attack

import "time"

// dialTimeout bounds a dial that its request has given up on: net/http lets it
// go on for the next one.
const dialTimeout = 30 * time.Second
