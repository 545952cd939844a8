package cgroup

import (
	"os"
	"testing"
)

func FuzzCPUs(f *testing.F) {
	for _, s := range []string{"50000 100000\n", "0::/a\n1:cpu,cpuacct:/b\n", "1 2 0:3 / /x rw - cgroup2 c rw\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if q := parseQuota(text); q < 0 {
			t.Errorf("a quota of %v", q)
		}
		read := func(string) ([]byte, error) { return text, nil }
		if n := CPUs(read); n < 0 {
			t.Errorf("%v cores", n)
		}
		if n := Memory(read); n < 0 {
			t.Errorf("%v bytes", n)
		}
	})
}

func TestCPUs(t *testing.T) {
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
			got := CPUs(func(path string) ([]byte, error) {
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

func TestMemory(t *testing.T) {
	const (
		v2 = "30 22 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
		v1 = "29 22 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	)
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"nothing can be read", nil, 0},
		{"version 2", map[string]string{"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": v2, "/sys/fs/cgroup/a/memory.max": "1048576\n"}, 1 << 20},
		{"version 2, above it", map[string]string{"/proc/self/cgroup": "0::/a/b\n", "/proc/self/mountinfo": v2, "/sys/fs/cgroup/a/memory.max": "512\n", "/sys/fs/cgroup/a/b/memory.max": "1024\n"}, 512},
		{"version 2, max", map[string]string{"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": v2, "/sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		{"version 1", map[string]string{"/proc/self/cgroup": "4:memory:/x\n", "/proc/self/mountinfo": v1, "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2048\n"}, 2048},
		{"version 1, no bound", map[string]string{"/proc/self/cgroup": "4:memory:/x\n", "/proc/self/mountinfo": v1, "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Memory(func(path string) ([]byte, error) {
				if text, ok := tc.files[path]; ok {
					return []byte(text), nil
				}
				return nil, os.ErrNotExist
			})
			if got != tc.want {
				t.Errorf("got %v bytes, want %v", got, tc.want)
			}
		})
	}
}
