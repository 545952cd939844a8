package verdict

import (
	"strings"
	"testing"
)

func TestRemarks(t *testing.T) {
	for rule, want := range map[string]string{
		"error_rate < 110%":                      "error_rate < 110% always holds: error_rate lies between 0% and 100%",
		"error_rate <= 100%":                     "error_rate <= 100% always holds",
		"availability >= 0%":                     "availability >= 0% always holds: availability lies between 0% and 100%",
		"0% <= availability":                     "availability >= 0% always holds",
		"error_rate < 0%":                        "error_rate < 0% never holds",
		"availability > 100%":                    "availability > 100% never holds",
		"availability != 200%":                   "availability != 200% always holds",
		"error_rate < 2 * 60%":                   "always holds",
		"p99 >= 0ms":                             "p99 >= 0ms always holds: p99 is never below 0",
		"rps < 0/s":                              "rps < 0/s never holds",
		"p99 < 1s && error_rate <= 100%":         "error_rate <= 100% always holds",
		"error_rate == 0%":                       "",
		"error_rate <= 0%":                       "",
		"error_rate > 0%":                        "",
		"availability >= 100%":                   "",
		"availability < 100%":                    "",
		"p99 < 200ms":                            "",
		"rps > 0/s":                              "",
		"error_rate + 1% < 110%":                 "",
		"error_rate < window(0s, 5s).error_rate": "",
	} {
		if got := strings.Join(mustCompile(t, rule).Remarks(), "; "); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: remark %q, want %q", rule, got, want)
		}
	}
}

func TestOnlyStage(t *testing.T) {
	for rule, want := range map[string]string{
		`p99 > 1s`:                 "",
		`stage("steady").p99 > 1s`: "steady",
		`stage("steady").p99 > 1s && stage("steady").error_rate > 1%`: "steady",
		`stage("steady").p99 > 1s || p99 > 2s`:                        "",
		`p99 > 2s || stage("steady").p99 > 1s`:                        "",
	} {
		if got := mustCompile(t, rule).OnlyStage(); got != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
}
