package process

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the kernel's unit of CPU time in /proc, on every machine that Go runs on.
const clockTick = 10 * time.Millisecond

// member is a process of a group at one moment.
type member struct {
	pid, parent   int
	start         string // with pid, it is one process among all of a boot
	state         byte
	cpu           time.Duration // its own, and waited
	waited        time.Duration // that of its children that it has waited for
	memory, space uint64        // resident, and addresses in use, in bytes

	blocksKnown   bool
	read, written uint64 // bytes from and to disks, as cpu counts them
}

func (m *member) ended() bool { return m.state == 'Z' || m.state == 'X' || m.state == 'x' }

// group are the members of a process group at one moment.
type group []member

// running is how many have not ended.
func (g group) running() int {
	n := 0
	for i := range g {
		if !g[i].ended() {
			n++
		}
	}
	return n
}

// stopped says that none of those that have not ended runs on.
func (g group) stopped() bool {
	for i := range g {
		if s := g[i].state; !g[i].ended() && s != 'T' && s != 't' {
			return false
		}
	}
	return g.running() > 0
}

func (g group) find(pid int, start string) *member {
	for i := range g {
		if g[i].pid == pid && (start == "" || g[i].start == start) {
			return &g[i]
		}
	}
	return nil
}

// spent is what a group used between two moments.
type spent struct {
	cpu           time.Duration
	blocksKnown   bool
	read, written uint64
}

// since is what was used since before. The time of a process that has ended is its parent's
// once that has waited for it; where nobody of the group has, it is not taken off.
func (g group) since(before group) spent {
	sum := spent{blocksKnown: true}
	var read, written int64
	add := func(m *member, sign int64) {
		sum.cpu += time.Duration(sign) * m.cpu
		sum.blocksKnown = sum.blocksKnown && (m.blocksKnown || m.ended())
		read += sign * int64(m.read)
		written += sign * int64(m.written)
	}
	for i := range g {
		add(&g[i], 1)
	}
	for i := range before {
		m := &before[i]
		if g.find(m.pid, m.start) == nil {
			was, is := before.find(m.parent, ""), g.find(m.parent, "")
			if was == nil || is == nil || is.waited-was.waited < m.cpu {
				continue
			}
		}
		add(m, -1)
	}
	sum.cpu = max(sum.cpu, 0)
	sum.read, sum.written = uint64(max(read, 0)), uint64(max(written, 0))
	return sum
}

// groupOf looks at the members of a process group, and at their files for what only those
// tell. Watches of other groups that look at the same time share the list of processes, which
// is at most a tenth of every old, and say when it was made.
func groupOf(id int, every time.Duration) (g group, at time.Time, err error) {
	all, at, err := everyone(every / 10)
	if err != nil {
		return nil, at, err
	}
	for _, p := range all {
		if p.group != id {
			continue
		}
		m, err := parseMember(string(p.stat))
		if err != nil {
			return nil, at, err
		}
		m.read, m.written, m.blocksKnown = blocks(m.pid)
		g = append(g, m)
	}
	return g, at, nil
}

// anyone is a process of this machine: its group, and the line of /proc/<pid>/stat.
type anyone struct {
	group int
	stat  []byte
}

// census is the list of all processes, which is the same for all who watch some.
var census struct {
	sync.Mutex
	at  time.Time
	all []anyone
}

// everyone lists the processes of this machine as they were at a moment, at most so long ago.
// The list is not changed any more.
func everyone(old time.Duration) (all []anyone, at time.Time, err error) {
	census.Lock()
	defer census.Unlock()
	if old > 0 && time.Since(census.at) < old {
		return census.all, census.at, nil
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, census.at, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, census.at, err
	}
	census.at, census.all = time.Now(), make([]anyone, 0, len(census.all)+16)
	room := make([]byte, 0, 300*len(names))
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		from := len(room)
		if room, err = appendStat(room, name); err != nil {
			continue // it ended just now
		}
		stat := room[from:len(room):len(room)]
		if group, ok := groupIn(stat); ok {
			census.all = append(census.all, anyone{group, stat})
		}
	}
	return census.all, census.at, nil
}

// maxStat is more than a line of /proc/<pid>/stat has.
const maxStat = 1 << 10

// appendStat reads a file by system calls alone: there are as many as processes, and those of
// package os take twice the time.
func appendStat(to []byte, pid string) ([]byte, error) {
	fd, err := unix.Open("/proc/"+pid+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return to, err
	}
	defer unix.Close(fd)
	to = slices.Grow(to, maxStat)
	n, err := unix.Read(fd, to[len(to):len(to)+maxStat])
	if err != nil {
		return to, err
	}
	return to[:len(to)+n], nil
}

// groupIn is the process group in a line of /proc/<pid>/stat.
func groupIn(stat []byte) (group int, ok bool) {
	rest := stat[bytes.LastIndexByte(stat, ')')+1:]
	for range 2 { // the state, and the parent
		rest = bytes.TrimLeft(rest, " ")
		end := bytes.IndexByte(rest, ' ')
		if end < 0 {
			return 0, false
		}
		rest = rest[end:]
	}
	rest = bytes.TrimLeft(rest, " ")
	end := bytes.IndexByte(rest, ' ')
	if end < 0 {
		return 0, false
	}
	group, err := strconv.Atoi(string(rest[:end]))
	return group, err == nil
}

// parseMember reads a line of /proc/<pid>/stat, see proc_pid_stat(5).
func parseMember(line string) (member, error) {
	wrong := fmt.Errorf("expected 24 fields or more in /proc/<pid>/stat, found %q", line)
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return member{}, wrong
	}
	f := strings.Fields(line[end+1:]) // from field 3, the state
	if len(f) < 22 {
		return member{}, wrong
	}
	m := member{state: f[0][0], start: f[19]}
	var err error
	number := func(s string) int64 {
		n, e := strconv.ParseInt(s, 10, 64)
		if e != nil {
			err = wrong
		}
		return n
	}
	m.pid = int(number(strings.TrimSpace(line[:open])))
	m.parent = int(number(f[1]))
	ticks := func(user, system string) time.Duration {
		return time.Duration(number(user)+number(system)) * clockTick
	}
	m.waited = ticks(f[13], f[14])
	m.cpu = ticks(f[11], f[12]) + m.waited
	if !m.ended() {
		m.space = uint64(max(0, number(f[20])))
		m.memory = uint64(max(0, number(f[21]))) * uint64(os.Getpagesize())
	}
	return m, err
}

// blocks reads what a process has read from disks and written to them; not known of one that
// belongs to another user, and of one that has ended.
func blocks(pid int) (read, written uint64, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/io")
	if err != nil {
		return 0, 0, false
	}
	return parseBlocks(text)
}

// parseBlocks reads /proc/<pid>/io, see proc_pid_io(5).
func parseBlocks(text []byte) (read, written uint64, ok bool) {
	found := 0
	for line := range bytes.Lines(text) {
		key, value, _ := strings.Cut(string(bytes.TrimSpace(line)), ": ")
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			continue
		}
		switch key {
		case "read_bytes":
			read, found = n, found+1
		case "write_bytes":
			written, found = n, found+1
		}
	}
	return read, written, found == 2
}

// memorySum is what the members of a group hold in memory. What several share is divided
// among them: the kernel tells that, but has to look at each page for it, and so it is asked
// the less often the longer that takes.
type memorySum struct {
	last  uint64
	again time.Time
}

func (s *memorySum) of(g group) uint64 {
	if g.running() > 1 {
		if start := time.Now(); !start.Before(s.again) {
			s.last = g.memory()
			s.again = start.Add(100 * time.Since(start))
		}
		return s.last
	}
	*s = memorySum{}
	var sum uint64
	for i := range g {
		sum += g[i].memory // of one process
	}
	return sum
}

// memory asks for the members' shares. Of one that may not be looked at, all that is resident
// counts.
func (g group) memory() uint64 {
	var sum uint64
	for i := range g {
		m := &g[i]
		if parent := g.find(m.parent, ""); parent != nil && parent.space == m.space &&
			parent.memory == m.memory {
			continue // it was forked just now, and is about to become another program
		}
		share, ok := proportional(m.pid)
		if !ok {
			share = m.memory
		}
		sum += share
	}
	return sum
}

// proportional is what a process holds in memory, with its share of what it shares.
func proportional(pid int) (uint64, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0, false
	}
	return parseProportional(text)
}

// parseProportional reads /proc/<pid>/smaps_rollup, see proc_pid_smaps(5).
func parseProportional(text []byte) (uint64, bool) {
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if len(f) == 3 && string(f[0]) == "Pss:" {
			kib, err := strconv.ParseUint(string(f[1]), 10, 64)
			return kib * 1024, err == nil
		}
	}
	return 0, false
}

// fileCount counts open files. Before Linux 6.2 they have to be listed, which takes about a
// microsecond each, and so is done less often the longer it takes.
type fileCount struct {
	last  int
	known bool
	again time.Time
}

func (c *fileCount) of(g group) (n int, ok bool) {
	start := time.Now()
	if start.Before(c.again) {
		return c.last, c.known
	}
	c.last, c.known = 0, true
	for i := range g {
		if g[i].ended() {
			continue
		}
		n, err := openFiles(g[i].pid)
		if err != nil && !os.IsNotExist(err) {
			c.known = false // it belongs to another user
			break
		}
		c.last += n
	}
	c.again = start.Add(1000 * time.Since(start))
	return c.last, c.known
}

func openFiles(pid int) (int, error) {
	dir, err := os.Open("/proc/" + strconv.Itoa(pid) + "/fd")
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err == nil && st.Size > 0 {
		return int(st.Size), nil
	}
	names, err := dir.Readdirnames(-1)
	return len(names), err
}

// machineMemory is what the machine has, in bytes; 0 if that cannot be told.
func machineMemory() float64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("MemTotal:"))
		if f := bytes.Fields(rest); ok && len(f) == 2 {
			kib, err := strconv.ParseFloat(string(f[0]), 64)
			if err == nil {
				return kib * 1024
			}
		}
	}
	return 0
}
