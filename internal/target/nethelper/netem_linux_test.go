package nethelper

import (
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

func TestNetemLimit(t *testing.T) {
	for _, tt := range []struct {
		delay time.Duration
		want  uint32
	}{
		{0, 1000},
		{time.Millisecond, 1000},
		{120 * time.Millisecond, 9000},
		{time.Second, 75_000},
		{time.Minute, 1_000_000},
	} {
		if got := netemLimit(tt.delay); got != tt.want {
			t.Errorf("%s: expected %d packets, found %d", tt.delay, tt.want, got)
		}
	}
}

func TestNetemQdisc(t *testing.T) {
	q := netemQdisc(7, slow(time.Minute, time.Minute))
	if q.LinkIndex != 7 || q.Handle != netlink.MakeHandle(netemHandle, 0) || q.Parent != netlink.HANDLE_ROOT {
		t.Errorf("expected ordeal's handle at the root of link 7, found %+v", q.QdiscAttrs)
	}
	if q.Latency == 0 || q.Latency != q.Jitter {
		t.Errorf("expected the longest delay not to overflow, found latency %d and jitter %d", q.Latency, q.Jitter)
	}
}

func TestForeignRoot(t *testing.T) {
	at := func(handle, parent uint32) netlink.Qdisc {
		return &netlink.GenericQdisc{QdiscAttrs: netlink.QdiscAttrs{Handle: handle, Parent: parent}, QdiscType: "fq"}
	}
	for _, tt := range []struct {
		name   string
		qdiscs []netlink.Qdisc
		want   bool
	}{
		{"none", nil, false},
		{"the kernel's own", []netlink.Qdisc{at(0, netlink.HANDLE_ROOT)}, false},
		{"ours", []netlink.Qdisc{at(netlink.MakeHandle(netemHandle, 0), netlink.HANDLE_ROOT)}, false},
		{"somebody's", []netlink.Qdisc{at(netlink.MakeHandle(1, 0), netlink.HANDLE_ROOT)}, true},
		{"not at the root", []netlink.Qdisc{at(netlink.MakeHandle(1, 0), netlink.MakeHandle(2, 1))}, false},
	} {
		if got := foreignRoot(tt.qdiscs) != nil; got != tt.want {
			t.Errorf("%s: expected %t, found %t", tt.name, tt.want, got)
		}
	}
}

// What the registry says that netem can do is what its rows do.
func TestNetemDoesWhatIsSaid(t *testing.T) {
	var rows []string
	for _, e := range netemEffects() {
		rows = append(rows, e.name)
	}
	if said := can()[netemName]; !slices.Equal(rows, said) {
		t.Errorf("the rows are %v, and the registry says %v", rows, said)
	}
	for _, m := range mechanisms() {
		if len(m.can) == 0 {
			t.Errorf("%s can do nothing", m.name)
		}
	}
}
