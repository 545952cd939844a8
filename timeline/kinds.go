package timeline

import "strings"

// The kinds of errors, as they are counted. There are no others.
const (
	KindTimeout     = "timeout"
	KindStalled     = "stalled"
	KindUnsent      = "unsent"
	KindLate        = "late"
	KindSkipped     = "skipped"
	KindRefused     = "refused"
	KindReset       = "reset"
	KindEOF         = "eof"
	KindUnreachable = "unreachable"
	KindDNS         = "dns"
	KindTLS         = "tls"
	KindProtocol    = "protocol"
	KindUnsolicited = "unsolicited"
	KindTooLarge    = "too_large"
	KindLocal       = "local"
	KindStatus      = "status" // a wrong status is counted as "status 503", each apart
	KindBody        = "body"
	KindHeader      = "header"
	KindJSON        = "json"
	KindSize        = "size"
	KindSlow        = "slow"
	KindCapture     = "capture"
	KindTemplate    = "template"
	KindNotAllowed  = "not_allowed"
	KindOther       = "other"
)

// MaxDetail bounds what is kept of one error's text, in bytes.
const MaxDetail = 200

// ErrorKind is an entry of the registry of kinds of errors: what recorder, verdict and
// reports need to know of one.
type ErrorKind struct {
	Name, Doc string
	// Answered says that there was a whole answer, and it was not as expected: people want to
	// see it, so it can become a sample.
	Answered bool
	// Own says that it is the generator's own doing, and says nothing of the target. TooLate
	// says that it came too late to send the arrival; any other one is its machine's.
	Own, TooLate bool
	// OfTime says that time ran out: a generator that was late or busy may have made it.
	OfTime bool
	// OfPlan says that what the scenario asks for could not be done, at any time.
	OfPlan bool
	// Quotes says that the text of such an error can hold a part of the request or of its
	// answer, and so a secret. Others say the same whatever was sent.
	Quotes bool
	// Lost says that the connection was lost: what ordeal cuts itself ends so.
	Lost bool
}

// Kinds is the registry of the kinds of errors.
func Kinds() []ErrorKind {
	return []ErrorKind{
		{Name: KindTimeout, OfTime: true,
			Doc: "no answer came before the timeout, which runs from the moment the request was due; " +
				"also an answer that was complete only after it, as engines end a request a little late"},
		{Name: KindStalled, OfTime: true,
			Doc: "the answer began to come, and was not complete before the timeout"},
		{Name: KindUnsent, OfTime: true,
			Doc: "never sent: no free slot in time to be answered within the timeout"},
		{Name: KindLate, Own: true, TooLate: true,
			Doc: "never sent, as the generator itself came to it too late to be answered within " +
				"the timeout: unsent, and not the target's doing"},
		{Name: KindSkipped, Own: true, TooLate: true,
			Doc: "never sent, as the generator was later than late_budget and catch_up is skip: " +
				"unsent, and not the target's doing"},
		{Name: KindRefused, Doc: "nothing listens at the address"},
		{Name: KindReset, Lost: true, Doc: "the connection was cut hard"},
		{
			Name: KindEOF,
			Lost: true,
			Doc:  "the connection was closed before the answer was complete",
		},
		{Name: KindUnreachable, Doc: "no way to the host or its network"},
		{Name: KindDNS, Doc: "the name could not be looked up"},
		{Name: KindTLS, Doc: "the certificate was not accepted, or the handshake failed"},
		{Name: KindProtocol, Doc: "the answer was not proper HTTP"},
		{Name: KindUnsolicited,
			Doc: "the server sent an answer that no request had asked for, " +
				"so that none on its connection can be told from another request's; the connection was closed"},
		{Name: KindTooLarge,
			Doc: "the answer's body was larger than max_body, or without end; the connection was closed"},
		{Name: KindLocal, Own: true,
			Doc: "the generator's own machine ran out of ports, open files or memory"},
		{Name: KindStatus, Answered: true, Doc: "the status was not an expected one"},
		{Name: KindBody, Answered: true, Quotes: true, Doc: "the body was not as expected"},
		{Name: KindHeader, Answered: true, Quotes: true, Doc: "a header was not as expected"},
		{Name: KindJSON, Answered: true, Quotes: true,
			Doc: "the body was not JSON, or a value in it was not as expected"},
		{Name: KindSize, Answered: true, Doc: "the body was shorter or longer than expected"},
		{
			Name:     KindSlow,
			Answered: true,
			OfTime:   true,
			Doc:      "a good answer, but later than expected",
		},
		{Name: KindCapture, Answered: true, Quotes: true,
			Doc: "a value that a later step needs was not in the answer"},
		{
			Name:   KindTemplate,
			OfPlan: true,
			Quotes: true,
			Doc:    "the request could not be built from its templates",
		},
		{Name: KindNotAllowed, OfPlan: true,
			Doc: "never sent: the connection would have gone to an address that `allow_hosts` does " +
				"not list; the load ends with the first one"},
		{Name: KindOther, Doc: "anything else"},
	}
}

var kindsByName = func() map[string]ErrorKind {
	out := make(map[string]ErrorKind)
	for _, k := range Kinds() {
		out[k.Name] = k
	}
	return out
}()

// KindNamed is the entry of the kind that errors were counted as, KindOther's if the registry
// does not have it: a recording can come from another version.
func KindNamed(name string) ErrorKind {
	if base, _, ok := strings.Cut(name, " "); ok { // status 503
		name = base
	}
	k, ok := kindsByName[name]
	if !ok {
		k = kindsByName[KindOther]
	}
	return k
}

// CountKinds is how many errors are of the kinds that is picks.
func (s *Stats) CountKinds(is func(ErrorKind) bool) uint64 {
	var n uint64
	for name, count := range s.Kinds {
		if is(KindNamed(name)) {
			n += count
		}
	}
	return n
}
