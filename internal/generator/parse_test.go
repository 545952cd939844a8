package generator

import (
	"testing"
)

const procStat = `cpu  1000 20 300 4000 50 6 7 80 90 0
cpu0 100 2 30 400 5 1 2 8 9 0
cpu1 200 4 60 800 10 2 3 16 18 0
cpu10 700 14 210 2800 35 3 2 56 63 0
intr 12345 0 0 0
ctxt 999
btime 1700000000
`

func TestParseStat(t *testing.T) {
	for _, tc := range []struct {
		name               string
		text               string
		in                 func(int) bool
		work, steal, total uint64
	}{
		{"all", procStat, func(int) bool { return true }, (100 + 2 + 30 + 3) + (200 + 4 + 60 + 5) + (700 + 14 + 210 + 5), 80, 548 + 1095 + 3820},
		{"one", procStat, func(c int) bool { return c == 1 }, 200 + 4 + 60 + 5, 16, 1095},
		{"of two digits", procStat, func(c int) bool { return c == 10 }, 700 + 14 + 210 + 5, 56, 3820},
		{"none", procStat, func(int) bool { return false }, 0, 0, 0},
		{"an old kernel", "cpu  1 2 3 4\ncpu0 1 2 3 4\nintr 5\n", func(int) bool { return true }, 6, 0, 10},
		{"empty", "", func(int) bool { return true }, 0, 0, 0},
		{"cut off", "cpu  1 2 3 4\ncpu0 1 2", func(int) bool { return true }, 3, 0, 3},
		{"something else", "hello\n", func(int) bool { return true }, 0, 0, 0},
	} {
		if work, steal, total := parseStat([]byte(tc.text), tc.in); work != tc.work || steal != tc.steal || total != tc.total {
			t.Errorf("%s: work %d, steal %d of %d; want %d, %d of %d", tc.name, work, steal, total, tc.work, tc.steal, tc.total)
		}
	}
}

func TestParseCounts(t *testing.T) {
	const sockets = "sockets: used 34\nTCP: inuse 11 orphan 5 tw 9 alloc 100 mem 144\nUDP: inuse 3 mem 0\nRAW: inuse 4\n"
	for _, tc := range []struct {
		name  string
		parse func([]byte) uint64
		text  string
		want  uint64
	}{
		{"sockstat", parseSockstat, sockets, 20},
		{"sockstat6", parseSockstat, "TCP6: inuse 7\nUDP6: inuse 2\n", 7},
		{"sockstat of nothing", parseSockstat, "", 0},
		{"sockstat without numbers", parseSockstat, "TCP: inuse x tw\n", 0},
		{"port range", parsePortRange, "32768\t60999\n", 28232},
		{"one port", parsePortRange, "5 5", 1},
		{"backward range", parsePortRange, "60999\t32768\n", 0},
		{"half a range", parsePortRange, "32768\n", 0},
		{"no range", parsePortRange, "", 0},
		{"statm", parseStatm, "301 123 45 6 0 78 0\n", 123},
		{"statm of nothing", parseStatm, "", 0},
	} {
		if got := tc.parse([]byte(tc.text)); got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{procStat, "TCP: inuse 11 tw 9\n", "32768\t60999\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if work, steal, total := parseStat(text, func(int) bool { return true }); total == 0 && work+steal > 0 {
			t.Errorf("work %d and steal %d of nothing", work, steal)
		}
		parseSockstat(text)
		parsePortRange(text)
		parseStatm(text)
	})
}
