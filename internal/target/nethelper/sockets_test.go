package nethelper

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const procTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8612 1 0000000000000000 100 0 0 10 0
   1: 020011AC:A1B2 010011AC:01BB 06 00000000:00000000 03:0000176F 00000000     0        0 0 3 0000000000000000
`

const procTCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 0000000000000000FFFF0000020011AC:0051 0000000000000000FFFF0000010011AC:D431 01 00000000:00000000
`

func TestParseSockets(t *testing.T) {
	ap := netip.MustParseAddrPort
	for _, tt := range []struct {
		name, in string
		want     []socket
	}{
		{"v4", procTCP, []socket{
			{ap("127.0.0.1:8080"), ap("0.0.0.0:0"), tcpListen},
			{ap("172.17.0.2:41394"), ap("172.17.0.1:443"), tcpTimeWait},
		}},
		{"v6", procTCP6, []socket{
			{ap("[::1]:80"), ap("[::]:0"), tcpListen},
			{ap("172.17.0.2:81"), ap("172.17.0.1:54321"), 1},
		}},
		{"empty", "", nil},
		{"heading only", "sl local\n", nil},
	} {
		got, err := parseSockets(strings.NewReader(tt.in))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(socket{}), cmpopts.EquateComparable(netip.AddrPort{})); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	for _, bad := range []string{"0:", "0: 0100007F 0:0 0A", "0: 0100007F:1F90 00:00 0A", "0: 0100007F:1F90 00000000:0000 ZZ", "0: 0100007F:1F90F 00000000:0000 0A"} {
		if got, err := parseSockets(strings.NewReader("heading\n" + bad)); err == nil {
			t.Errorf("%q: expected an error, found %v", bad, got)
		}
	}
}

func FuzzParseSockets(f *testing.F) {
	f.Add(procTCP)
	f.Add(procTCP6)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseSockets(strings.NewReader(s))
		if err == nil && len(got) > strings.Count(s, "\n")+1 {
			t.Fatalf("%d sockets from %q", len(got), s)
		}
	})
}

func TestSockets(t *testing.T) {
	ap := netip.MustParseAddrPort
	s := Sockets{[]socket{
		{ap("0.0.0.0:8080"), ap("0.0.0.0:0"), tcpListen},
		{ap("127.0.0.11:41000"), ap("0.0.0.0:0"), tcpListen}, // Docker's own, for names
		{ap("[::]:9090"), ap("[::]:0"), tcpListen},
		{ap("172.17.0.2:9090"), ap("172.17.0.1:5000"), tcpTimeWait},
		{ap("172.17.0.2:9091"), ap("172.17.0.1:5001"), tcpEstablished},
		{ap("172.17.0.2:9092"), ap("172.17.0.1:5002"), tcpCloseWait},
		{ap("127.0.0.1:9093"), ap("127.0.0.1:5003"), tcpEstablished},
	}}
	for port, want := range map[uint16][2]bool{
		8080: {true, false}, 41000: {false, false}, 9090: {true, false},
		9091: {false, true}, 9092: {false, true}, 9093: {false, false}, 80: {false, false},
	} {
		if got := [2]bool{s.Listens(port), s.Connected(port)}; got != want {
			t.Errorf("port %d: listens and is connected %v, want %v", port, got, want)
		}
	}
}
