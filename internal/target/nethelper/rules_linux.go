package nethelper

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tableName is the one table that ordeal makes in a namespace.
const tableName = "ordeal"

// probeMark marks the packets of probes, which are redirected although they
// start inside the namespace.
const probeMark = 0x0dea1

// rules is the nftables ruleset of the redirect, in the syntax of nft:
//
//	table inet ordeal {
//	  chain deflect {            # what comes from outside goes to the proxy
//	    type nat hook prerouting priority dstnat;
//	    iifname != "lo" tcp dport != PROXY tcp flags & (syn|ack) == syn counter redirect to :PROXY
//	  }
//	  chain probe {              # and so do the probes
//	    type nat hook output priority dstnat;
//	    meta mark PROBE tcp dport ECHO counter redirect to :PROXY
//	  }
//	  chain reset {              # what was open before has to open anew
//	    type filter hook input priority filter;
//	    iifname != "lo" tcp dport { LISTENING } tcp flags & (psh|rst) == psh counter
//	        reject with tcp reset
//	  }
//	  chain track {              # decides nothing
//	    type filter hook input priority filter;
//	    ct status & dnat != 0 counter
//	  }
//	}
//
// Only openings (SYN) are redirected, so that connections which the target
// itself has open to others, and whose packets conntrack sees for the first time
// now, are left alone.
//
// Connections to the target from before would go past the proxy for as long as
// they live. They cannot be redirected, so they are reset, for as long as the
// fault lasts, as a pooled connection can come back at any time. That rule comes
// into force after the others: in between, the load leaves its own connections, and the answers
// that it still waits for on them arrive. After the redirect, every packet that still comes in at a
// port that the target listens on is of an old connection. It is reset when the client next sends
// data and not at its mere acknowledgements: answers under way still arrive, and the reset meets a
// client at the start of a request, where it may safely try again. The proxy's own connections to
// the target go over loopback and do not match.
//
// The kernel tracks connections in a namespace only while some rule needs that, and translates
// addresses only of connections that it tracks. The chain track needs it while redirected
// connections are still open after the redirect was lifted.
//
// The names of the table and the chains stay the same in all versions: a helper removes what an
// older one left by the table's name.
type rules struct {
	proxy, echo uint16
	listening   []uint16 // ports that the target listens on; sorted
}

func table() *nftables.Table {
	return &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}
}

func (r rules) chains() (deflect, probe, reset, track *nftables.Chain) {
	t := table()
	return &nftables.Chain{
			Name: "deflect", Table: t, Type: nftables.ChainTypeNAT,
			Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
		}, &nftables.Chain{
			Name: "probe", Table: t, Type: nftables.ChainTypeNAT,
			Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
		}, &nftables.Chain{
			Name: "reset", Table: t, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter,
		}, &nftables.Chain{
			Name: "track", Table: t, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter,
		}
}

// install puts the rules in force in one transaction, save that of chain reset, and reads
// them back.
func (r rules) install() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	deflect, probe, reset, track := r.chains()
	c.CreateTable(deflect.Table)
	c.AddChain(deflect)
	c.AddChain(probe)
	c.AddChain(reset)
	c.AddChain(track)
	c.AddRule(&nftables.Rule{Table: deflect.Table, Chain: deflect, Exprs: slices.Concat(
		fromOutside(),
		isTCP(),
		dport(expr.CmpOpNeq, r.proxy),
		tcpFlags(tcpSYN|tcpACK, tcpSYN),
		redirect(r.proxy),
	)})
	c.AddRule(&nftables.Rule{Table: probe.Table, Chain: probe, Exprs: slices.Concat(
		marked(), isTCP(), dport(expr.CmpOpEq, r.echo), redirect(r.proxy))})
	c.AddRule(&nftables.Rule{Table: track.Table, Chain: track, Exprs: translated()})
	if err := c.Flush(); err != nil {
		return fmt.Errorf(
			"the kernel refused the nftables redirect (it needs nf_tables with inet nat, Linux 5.2 or newer): %w",
			err,
		)
	}
	return r.verify(false)
}

// resetOld puts the rule of chain reset in force, and reads it back.
func (r rules) resetOld() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	_, _, reset, _ := r.chains()
	if len(r.listening) > 0 {
		set := &nftables.Set{
			Table:     reset.Table,
			Anonymous: true,
			Constant:  true,
			KeyType:   nftables.TypeInetService,
		}
		var ports []nftables.SetElement
		for _, p := range r.listening {
			ports = append(ports, nftables.SetElement{Key: binaryutil.BigEndian.PutUint16(p)})
		}
		if err := c.AddSet(set, ports); err != nil {
			return err
		}
		c.AddRule(&nftables.Rule{Table: reset.Table, Chain: reset, Exprs: slices.Concat(
			fromOutside(), isTCP(), loadDport(),
			[]expr.Any{&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID}},
			tcpFlags(tcpPSH|tcpRST, tcpPSH),
			[]expr.Any{&expr.Counter{}, &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}})})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("the kernel refused the nftables rule that resets connections: %w", err)
	}
	return r.verify(true)
}

// verify reads the rules back: netlink has been seen to report success without
// effect. Chain reset has a rule if old connections are reset.
func (r rules) verify(resets bool) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	deflect, probe, reset, _ := r.chains()
	for _, chain := range []*nftables.Chain{deflect, probe} {
		got, err := c.GetRules(chain.Table, chain)
		if err != nil {
			return fmt.Errorf("reading nftables chain %s back: %w", chain.Name, err)
		}
		if len(got) != 1 || !redirectsTo(got[0], r.proxy) {
			return fmt.Errorf(
				"expected nftables chain %s to redirect to port %d, found %d other rules",
				chain.Name,
				r.proxy,
				len(got),
			)
		}
	}
	got, err := c.GetRules(reset.Table, reset)
	if err != nil {
		return fmt.Errorf("reading nftables chain %s back: %w", reset.Name, err)
	}
	want := 0
	if resets {
		want = min(len(r.listening), 1)
	}
	if len(got) != want {
		return fmt.Errorf(
			"expected %d rules in nftables chain %s, found %d",
			want,
			reset.Name,
			len(got),
		)
	}
	return nil
}

func redirectsTo(r *nftables.Rule, port uint16) bool {
	var to []byte
	for _, e := range r.Exprs {
		switch e := e.(type) {
		case *expr.Immediate:
			to = e.Data
		case *expr.Redir:
			return len(to) >= 2 && binary.BigEndian.Uint16(to) == port
		}
	}
	return false
}

// lift takes the redirect and the reset out of force in one transaction. It
// leaves the chains and track: with them, the kernel goes on translating for open
// connections.
func (r rules) lift() error {
	found, err := tableExists()
	if err != nil || !found {
		return err
	}
	c, err := nftables.New()
	if err != nil {
		return err
	}
	deflect, probe, reset, _ := r.chains()
	for _, chain := range []*nftables.Chain{deflect, probe, reset} {
		c.FlushChain(chain)
	}
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("lifting the nftables redirect: %w", err)
	}
	return nil
}

// removeTable deletes the table if it is there, verifies that it is gone, and
// says whether it was there.
func removeTable() (bool, error) {
	found, err := tableExists()
	if err != nil || !found {
		return false, err
	}
	c, err := nftables.New()
	if err != nil {
		return true, err
	}
	c.DelTable(table())
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return true, fmt.Errorf("deleting nftables table inet %s: %w", tableName, err)
	}
	if still, err := tableExists(); err != nil {
		return true, err
	} else if still {
		return true, fmt.Errorf("nftables table inet %s is still there after it was deleted", tableName)
	}
	return true, nil
}

func tableExists() (bool, error) {
	c, err := nftables.New()
	if err != nil {
		return false, err
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return false, fmt.Errorf("listing nftables tables: %w", err)
	}
	return slices.ContainsFunc(
		tables,
		func(t *nftables.Table) bool { return t.Name == tableName },
	), nil
}

// Bits of the TCP header's flags.
const (
	tcpSYN = 1 << 1
	tcpRST = 1 << 2
	tcpPSH = 1 << 3
	tcpACK = 1 << 4
)

func fromOutside() []expr.Any {
	lo := make([]byte, unix.IFNAMSIZ)
	copy(lo, "lo")
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: lo},
	}
}

func marked() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: 1},
		&expr.Cmp{
			Op:       expr.CmpOpEq,
			Register: 1,
			Data:     binaryutil.NativeEndian.PutUint32(probeMark),
		},
	}
}

// translated counts packets of redirected connections. Their status bit is
// IPS_DST_NAT of the kernel's headers.
func translated() []expr.Any {
	const dstNAT = 1 << 5
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATUS, Register: 1},
		&expr.Bitwise{
			SourceRegister: 1,
			DestRegister:   1,
			Len:            4,
			Mask:           binaryutil.NativeEndian.PutUint32(dstNAT),
			Xor:            make([]byte, 4),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
		&expr.Counter{},
	}
}

func isTCP() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
	}
}

func loadDport() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
	}
}

func dport(op expr.CmpOp, port uint16) []expr.Any {
	return append(
		loadDport(),
		&expr.Cmp{Op: op, Register: 1, Data: binaryutil.BigEndian.PutUint16(port)},
	)
}

// tcpFlags matches packets of whose flags in mask exactly those in want are set.
func tcpFlags(mask, want byte) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1},
		&expr.Bitwise{
			SourceRegister: 1,
			DestRegister:   1,
			Len:            1,
			Mask:           []byte{mask},
			Xor:            []byte{0},
		},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{want}},
	}
}

func redirect(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Counter{},
		&expr.Immediate{Register: 1, Data: bytes.Clone(binaryutil.BigEndian.PutUint16(port))},
		&expr.Redir{RegisterProtoMin: 1, RegisterProtoMax: 1},
	}
}
