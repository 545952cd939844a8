// Package cgroup reads what the control groups of this process let it use, of version 1 and
// 2: see cgroups(7). What it starts is bound by the same.
package cgroup

import (
	"bytes"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Reader reads a file, as os.ReadFile does.
type Reader func(path string) ([]byte, error)

// CPUs is how many cores' worth of CPU time the process may use: the least of its group and
// all above it. It is 0 if nothing bounds it.
func CPUs(read Reader) float64 { return least(read, "cpu", group.quota) }

// Memory is how many bytes of memory the process may use: the least of its group and all
// above it. It is 0 if nothing bounds it.
func Memory(read Reader) float64 { return least(read, "memory", group.memory) }

// least is the least bound of a controller, 0 if there is none.
func least(
	read Reader, controller string, bound func(g group, dir string, read Reader) float64,
) float64 {
	groups, err := read("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	mounts, err := read("/proc/self/mountinfo")
	if err != nil {
		return 0
	}
	least := 0.0
	for _, g := range parseGroups(groups, controller) {
		m, ok := mountOf(mounts, g.version, controller)
		if !ok {
			continue
		}
		for dir := m.dir(g.path); ; dir = path.Dir(dir) {
			if b := bound(g, dir, read); b > 0 && (least == 0 || b < least) {
				least = b
			}
			if len(dir) <= len(m.point) {
				break
			}
		}
	}
	return least
}

// group is where the process stands in a hierarchy that can bound what it uses.
type group struct {
	version int // 1 or 2
	path    string
}

// parseGroups reads /proc/self/cgroup.
func parseGroups(text []byte, controller string) []group {
	var out []group
	for line := range bytes.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(string(line), "\n"), ":", 3)
		switch {
		case len(f) != 3:
		case f[0] == "0" && f[1] == "":
			out = append(out, group{2, f[2]})
		case slices.Contains(strings.Split(f[1], ","), controller):
			out = append(out, group{1, f[2]})
		}
	}
	return out
}

// quota is the bound of CPU time of one group, in cores.
func (g group) quota(dir string, read Reader) float64 {
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

// unbounded is what version 1 says of memory that nothing bounds, or more than a machine has.
const unbounded = 1 << 60

// memory is the bound of memory of one group, in bytes.
func (g group) memory(dir string, read Reader) float64 {
	file := "memory.max"
	if g.version == 1 {
		file = "memory.limit_in_bytes"
	}
	text, err := read(path.Join(dir, file))
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
	if err != nil || n >= unbounded { // "max"
		return 0
	}
	return float64(n)
}

// parseQuota reads "50000 100000", microseconds of CPU time a period, as cores;
// 0 for "max 100000" or "-1 100000", which are no bound.
func parseQuota(text []byte) float64 {
	f := strings.Fields(string(text))
	if len(f) != 2 {
		return 0
	}
	quota, err := strconv.ParseUint(f[0], 10, 64)
	if err != nil {
		return 0
	}
	period, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil || period == 0 {
		return 0
	}
	return float64(quota) / float64(period)
}

// mount is where a hierarchy of control groups is mounted; root is the group that
// is seen there as the top.
type mount struct{ root, point string }

// mountOf finds the hierarchy in /proc/self/mountinfo, see proc_pid_mountinfo(5).
func mountOf(text []byte, version int, controller string) (mount, bool) {
	for line := range bytes.Lines(text) {
		before, after, ok := strings.Cut(string(line), " - ")
		f, of := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(of) < 3 {
			continue
		}
		if version == 2 && of[0] == "cgroup2" ||
			version == 1 && of[0] == "cgroup" &&
				slices.Contains(strings.Split(of[2], ","), controller) {
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
