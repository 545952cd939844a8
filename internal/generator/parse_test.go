package generator

import (
	"os"
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
	for _, s := range []string{procStat, "TCP: inuse 11 tw 9\n", "32768\t60999\n", "50000 100000\n", "0::/a\n1:cpu,cpuacct:/b\n", "1 2 0:3 / /x rw - cgroup2 c rw\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if work, steal, total := parseStat(text, func(int) bool { return true }); total == 0 && work+steal > 0 {
			t.Errorf("work %d and steal %d of nothing", work, steal)
		}
		parseSockstat(text)
		parsePortRange(text)
		parseStatm(text)
		if q := parseQuota(text); q < 0 {
			t.Errorf("a quota of %v", q)
		}
		cpuQuota(func(string) ([]byte, error) { return text, nil })
	})
}

func TestQuota(t *testing.T) {
	const (
		v2mount   = "30 22 0:27 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		v1mount   = "29 22 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n30 22 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
		container = "30 22 0:27 /docker/abc /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	)
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"nothing can be read", nil, 0},
		{"version 2, no bound", map[string]string{"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": v2mount}, 0},
		{"version 2, in a container", map[string]string{"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": v2mount, "/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5},
		{"version 2, max", map[string]string{"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": v2mount, "/sys/fs/cgroup/cpu.max": "max 100000\n"}, 0},
		{"version 2, above it", map[string]string{
			"/proc/self/cgroup": "0::/a.slice/b.service\n", "/proc/self/mountinfo": v2mount,
			"/sys/fs/cgroup/a.slice/cpu.max": "50000 100000\n", "/sys/fs/cgroup/a.slice/b.service/cpu.max": "200000 100000\n",
		}, 0.5},
		{"version 1", map[string]string{
			"/proc/self/cgroup": "9:memory:/x\n4:cpu,cpuacct:/user\n", "/proc/self/mountinfo": v1mount,
			"/sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_quota_us": "250000\n", "/sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_period_us": "100000\n",
		}, 2.5},
		{"version 1, no bound", map[string]string{
			"/proc/self/cgroup": "4:cpu,cpuacct:/user\n", "/proc/self/mountinfo": v1mount,
			"/sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_period_us": "100000\n",
		}, 0},
		{"version 1, in a container", map[string]string{
			"/proc/self/cgroup": "4:cpu:/docker/abc\n", "/proc/self/mountinfo": container,
			"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, 0.5},
		{"a group of a like name is another", map[string]string{
			"/proc/self/cgroup": "4:cpu:/docker/abcdef\n", "/proc/self/mountinfo": container,
			"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, 0.5},
		{"outside of what is seen", map[string]string{"/proc/self/cgroup": "0::/../../x\n", "/proc/self/mountinfo": v2mount, "/sys/fs/cgroup/cpu.max": "30000 100000\n"}, 0.3},
		{"both versions", map[string]string{
			"/proc/self/cgroup": "4:cpu,cpuacct:/\n0::/\n", "/proc/self/mountinfo": v1mount + "40 22 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
		}, 0.5},
		{"a mount with a space", map[string]string{"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": `30 22 0:27 / /c\040g rw - cgroup2 cgroup2 rw` + "\n", "/c g/cpu.max": "100000 100000"}, 1},
		{"nonsense", map[string]string{"/proc/self/cgroup": "::\nx\n0::/\n", "/proc/self/mountinfo": "a b c\n\n - \n" + v2mount, "/sys/fs/cgroup/cpu.max": "many few\n"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := cpuQuota(func(path string) ([]byte, error) {
				if text, ok := tc.files[path]; ok {
					return []byte(text), nil
				}
				return nil, os.ErrNotExist
			})
			if got != tc.want {
				t.Errorf("got %v cores, want %v", got, tc.want)
			}
		})
	}
}
