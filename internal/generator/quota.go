package generator

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// cpuQuota is how many cores' worth of CPU time the process's control groups let
// it use, of version 1 and 2: the least of its group and all above it. It is 0 if
// nothing bounds it. read reads a file.
func cpuQuota(read func(path string) ([]byte, error)) float64 {
	groups, err := read("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	mounts, err := read("/proc/self/mountinfo")
	if err != nil {
		return 0
	}
	least := 0.0
	for _, g := range parseGroups(groups) {
		m, ok := mountOf(mounts, g.version)
		if !ok {
			continue
		}
		for dir := m.dir(g.path); ; dir = path.Dir(dir) {
			if q := g.quota(dir, read); q > 0 && (least == 0 || q < least) {
				least = q
			}
			if len(dir) <= len(m.point) {
				break
			}
		}
	}
	return least
}

// group is where the process stands in a hierarchy that can bound CPU time.
type group struct {
	version int // 1 or 2
	path    string
}

// parseGroups reads /proc/self/cgroup, see cgroups(7).
func parseGroups(text []byte) []group {
	var out []group
	for line := range bytes.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(string(line), "\n"), ":", 3)
		switch {
		case len(f) != 3:
		case f[0] == "0" && f[1] == "":
			out = append(out, group{2, f[2]})
		case slices.Contains(strings.Split(f[1], ","), "cpu"):
			out = append(out, group{1, f[2]})
		}
	}
	return out
}

func (g group) quota(dir string, read func(string) ([]byte, error)) float64 {
	if g.version == 2 {
		text, err := read(path.Join(dir, "cpu.max"))
		if err != nil {
			return 0
		}
		return parseQuota(text)
	}
	quota, err := read(path.Join(dir, "cpu.cfs_quota_us"))
	if err != nil {
		return 0
	}
	period, err := read(path.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return 0
	}
	return parseQuota(slices.Concat(bytes.TrimSpace(quota), []byte(" "), period))
}

// parseQuota reads "50000 100000", microseconds of CPU time a period, as cores;
// 0 for "max 100000" or "-1 100000", which are no bound.
func parseQuota(text []byte) float64 {
	quota, rest, ok := number(text)
	period, _, ok2 := number(bytes.TrimSpace(rest))
	if !ok || !ok2 || period == 0 {
		return 0
	}
	return float64(quota) / float64(period)
}

// mount is where a hierarchy of control groups is mounted; root is the group that
// is seen there as the top.
type mount struct{ root, point string }

// mountOf finds the hierarchy in /proc/self/mountinfo, see proc_pid_mountinfo(5).
func mountOf(text []byte, version int) (mount, bool) {
	for line := range bytes.Lines(text) {
		before, after, ok := strings.Cut(string(line), " - ")
		f, of := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(of) < 3 {
			continue
		}
		if version == 2 && of[0] == "cgroup2" ||
			version == 1 && of[0] == "cgroup" && slices.Contains(strings.Split(of[2], ","), "cpu") {
			return mount{unescape.Replace(f[3]), unescape.Replace(f[4])}, true
		}
	}
	return mount{}, false
}

// unescape undoes what the kernel does to paths.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// dir is the folder of a group. One that lies outside of what is mounted, as in
// a container that sees its own group only, is taken to be the top.
func (m mount) dir(group string) string {
	rel, ok := strings.CutPrefix(group, strings.TrimSuffix(m.root, "/"))
	if !ok || rel != "" && !strings.HasPrefix(rel, "/") || strings.Contains(rel, "/..") {
		return m.point
	}
	return path.Join(m.point, rel)
}
