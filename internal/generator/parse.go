package generator

import (
	"bytes"
	"strconv"
)

// parseStat reads the lines cpu0, cpu1, … of /proc/stat, see proc_stat(5), and
// sums up those that in accepts: ticks of work, of time that the hypervisor gave
// to others, and in all. Guests are in the time of users already; time in
// interrupts is work.
func parseStat(text []byte, in func(cpu int) bool) (work, steal, total uint64) {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("cpu"))
		if !ok {
			break // they are the first
		}
		cpu, rest, ok := number(rest)
		if !ok || !in(int(min(cpu, 1<<20))) {
			continue // the sum of all has no number
		}
		var f [8]uint64 // user nice system idle iowait irq softirq steal
		for i := range f {
			if f[i], rest, ok = number(bytes.TrimLeft(rest, " ")); !ok {
				break // an old kernel
			}
		}
		work += f[0] + f[1] + f[2] + f[5] + f[6]
		steal += f[7]
		for _, n := range f {
			total += n
		}
	}
	return work, steal, total
}

// parseSockstat reads how many TCP sockets there are, in use and in TIME_WAIT,
// from /proc/net/sockstat or sockstat6.
func parseSockstat(text []byte) uint64 {
	var sum uint64
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("TCP: ")) && !bytes.HasPrefix(line, []byte("TCP6: ")) {
			continue
		}
		for _, key := range []string{" inuse ", " tw "} {
			if i := bytes.Index(line, []byte(key)); i >= 0 {
				n, _, _ := number(line[i+len(key):])
				sum += n
			}
		}
	}
	return sum
}

// parsePortRange reads how many ports net.ipv4.ip_local_port_range holds, 0 if
// it is not as expected.
func parsePortRange(text []byte) uint64 {
	low, rest, ok := number(bytes.TrimSpace(text))
	high, _, ok2 := number(bytes.TrimSpace(rest))
	if !ok || !ok2 || high < low {
		return 0
	}
	return high - low + 1
}

// parseStatm reads the resident pages from /proc/self/statm.
func parseStatm(text []byte) uint64 {
	_, rest, _ := number(text)
	n, _, _ := number(bytes.TrimLeft(rest, " "))
	return n
}

// number reads the decimal number that text begins with, and what follows it.
func number(text []byte) (n uint64, rest []byte, ok bool) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	n, err := strconv.ParseUint(string(text[:i]), 10, 64)
	return n, text[i:], err == nil
}
