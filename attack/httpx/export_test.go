package httpx

// Bounds that tests stay on both sides of, and parsers that are fuzzed by themselves.
const (
	MaxCookie        = maxCookie
	MaxCookies       = maxCookies
	MaxSampleHeaders = maxSampleHeaders
	MaxSampleValue   = maxSampleValue
)

var (
	IsLoopback      = isLoopback
	ParseCookieDate = parseCookieDate
	ParseTargets    = parseTargets
)
