package scenario

import "strings"

// Keys that other load testers have, and what a scenario calls the same thing. A
// key here is written without capitals, dashes and underscores.

// foreignKey is such a key: the key that it stands for, if that is one of the same
// mapping, and what to write.
type foreignKey struct{ key, hint string }

// foreignKeys are by what the mapping is called in messages.
var foreignKeys = map[string]map[string]foreignKey{
	"a scenario": foreignTable([]foreignKeyWords{
		{
			"target",
			"write target: http://127.0.0.1:8080",
			"url baseurl host hosts server endpoint domain",
		},
		{"attack", "stages, requests and flows stand under attack:",
			"stages stage requests request flows flow scenarios phases load execution config " +
				"steps engine timeout arrivals"},
		{
			"attack",
			"write attack: { stages: [{ name: steady, users: 50, for: 1m }] }: users stand in a stage",
			"vus users threads concurrency workers virtualusers connections",
		},
		{
			"attack",
			"write attack: { stages: [{ name: steady, rate: 50/s, for: 1m }] }: rate and length stand in a stage",
			"duration rate rps qps arrivalrate rampup rampupperiod spawnrate hatchrate iterations runtime for holdfor",
		},
		{
			"verdict",
			"write verdict: [p95 < 500ms, error_rate < 1%]",
			"thresholds threshold slo slos assertions ensure criteria passfail kpis rules checks",
		},
		{"chaos", "faults stand under chaos:", "faults fault experiments disruptions"},
		{"observe", "what is watched stands under observe:",
			"probes probe metrics metric watch monitors monitoring healthchecks"},
	}),
	"attack": foreignTable([]foreignKeyWords{
		{
			"stages",
			"write stages: [{ name: steady, users: 50, for: 1m }]",
			"vus users threads concurrency virtualusers numthreads",
		},
		{"stages", "write stages: [{ name: steady, rate: 50/s, for: 1m }]",
			"duration rate rps qps arrivalrate rampup rampupperiod spawnrate hatchrate " +
				"iterations loops runtime phases holdfor"},
		{
			"max_in_flight",
			"write max_in_flight: 2000",
			"maxvus maxworkers workers preallocatedvus maxconcurrency",
		},
		{
			"flows",
			"write flows: [{ name: buy, steps: [...] }], or requests: for single ones",
			"scenarios scenario",
		},
		{"redirects", "write redirects: 5", "followredirects maxredirects redirect followredirect"},
		{
			"connections",
			"write connections: { keepalive: false }",
			"keepalive noconnectionreuse novuconnectionreuse disablekeepalive",
		},
		{
			"tls",
			"write tls: { insecure: true }",
			"insecure insecureskiptlsverify skipverify verify tlsskipverify",
		},
		{"protocol", "write protocol: http2", "http2 h2 h2c httpversion"},
		{"", "write target: at the top of the file", "target url baseurl host"},
		{
			"",
			"headers stand in a request: requests: [{ name: a, get: /, headers: { Accept: text/html } }]",
			"headers header useragent",
		},
		{"", "rules stand under verdict: at the top of the file", "thresholds ensure assertions"},
	}),
	"a stage": foreignTable([]foreignKeyWords{
		{"for", "write for: 30s", "duration length time holdfor runtime seconds"},
		{
			"rate",
			"write rate: 50/s, or from: 10/s and to: 50/s for a rate that changes",
			"arrivalrate rps qps constantuserspersec throughput requestspersecond arrivalspersecond",
		},
		{
			"rate",
			"write rate: 50/s for a load that is sent whatever the target does, or users: 50 " +
				"for callers who wait for an answer",
			"target",
		},
		{
			"users",
			"write users: 50, or users: { from: 1, to: 50 } for a number that changes",
			"vus threads concurrency workers numthreads virtualusers usercount arrivalcount",
		},
		{"to", "write from: 10/s and to: 50/s", "rampto rampupto rampuserspersec endrate"},
		{"from", "write from: 10/s and to: 50/s", "startrate"},
		{
			"users",
			"write a stage of its own: { name: ramp, users: { from: 1, to: 50 }, for: 30s }, or " +
				"from: and to: for a rate",
			"rampup rampuptime rampupperiod spawnrate hatchrate rampusers rampdown startvus",
		},
		{
			"for",
			"a stage has a rate and a length and no number of requests: 1000 requests are rate: 100/s, for: 10s",
			"iterations loops count requests maxrequests number",
		},
		{"pause", "write pause: true, and for: 10s", "sleep wait"},
		{"think", "write think: 200ms beside users:", "thinktime pacing waittime pausetime"},
	}),
	"a request": foreignRequest,
	"a step":    foreignRequest,
	"expect": foreignTable([]foreignKeyWords{
		{
			"status",
			"write status: 200",
			"code statuscode httpcode httpstatus responsecode statuses",
		},
		{
			"body",
			"write body: \"text\" for text that it holds, or matches: for a regular expression",
			"contains text includes substring bodycontains content",
		},
		{"matches", "write matches: 'id=[0-9]+'", "regex regexp pattern match matchesregexp"},
		{"json", "write json: { $.status: ok }", "jsonpath jmespath"},
		{
			"within",
			"write within: 300ms",
			"latency duration maxduration responsetime timeout maxlatency responsetimems",
		},
		{
			"headers",
			"write headers: { Content-Type: application/json }",
			"header hasheader contenttype",
		},
		{
			"size",
			"write size: { min: 100B, max: 1MiB }",
			"length bodysize contentlength minsize maxsize",
		},
	}),
}

var foreignRequest = foreignTable([]foreignKeyWords{
	{
		"get",
		"write get: /products, or post: and so on, with the path behind it",
		"path uri endpoint route address",
	},
	{"headers", "write headers: { Accept: text/html }", "header"},
	{"query", "write query: { page: 2 }", "params qs querystring queryparams parameters args"},
	{
		"body",
		"write body: for text, json: for JSON, form: for a form, or file: for a file",
		"payload content requestbody postdata rawbody data64",
	},
	{
		"file",
		"write file: photo.jpg, whose bytes are the body",
		"bodyfile upload fromfile contentfile",
	},
	{"form", "write form: { user: ann }", "formdata formparams urlencoded"},
	{
		"expect",
		"write expect: { status: 200 }",
		"check checks assert asserts assertions validate validation test tests ensure responses",
	},
	{
		"capture",
		"captures stand in the steps of flows: capture: { token: { json: $.token } }",
		"extract extractors extractor save saveas variables",
	},
	{
		"think",
		"think: stands in the steps of flows, and in stages with users",
		"thinktime sleep pause wait",
	},
	{"data", "write data: users.csv", "csv feeder dataset datafile csvdata"},
	{
		"headers",
		"cookies that answers set are kept by the steps of a flow; to send others write " +
			"headers: { Cookie: \"a=1; b=2\" }",
		"cookies cookie",
	},
	{
		"headers",
		"write headers: { Authorization: \"Bearer ${TOKEN}\" }",
		"auth authentication bearer basicauth",
	},
})

type foreignKeyWords struct{ key, hint, words string }

func foreignTable(in []foreignKeyWords) map[string]foreignKey {
	out := make(map[string]foreignKey)
	for _, f := range in {
		for w := range strings.FieldsSeq(f.words) {
			out[w] = foreignKey{f.key, f.hint}
		}
	}
	return out
}

// foreign knows the keys of other load testers; see strictyaml.Grammar.
func foreign(what, key string) (hint, meant string, ok bool) {
	f, ok := foreignKeys[what][key]
	return f.hint, f.key, ok
}

func (*expectFile) OtherForm(found string) string {
	return "write expect: { status: " + found + " }, { body: \"text\" } or { json: { $.status: ok } }"
}

func (*targetsFile) OtherForm(found string) string {
	return "write targets: { file: " + found + " }"
}

func (*connectionsFile) OtherForm(found string) string {
	return "write connections: { per_host: " + found + " } for how many there may be to one host"
}

func (*sizeFile) OtherForm(found string) string {
	return "write size: { min: " + found + " }, { max: " + found + " }, or both"
}

func (*captureFile) OtherForm(found string) string {
	switch {
	case strings.HasPrefix(found, "$"):
		return "write { json: " + found + " }"
	case strings.ContainsAny(found, `(\[`):
		return "write { matches: '" + found + "' }"
	}
	return "write { json: $." + found + " }, { header: " + found + " } or { matches: 'id=([0-9]+)' }"
}
