package link

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/seed"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// kindName stands in plans and journals.
const kindName = "link"

// Kind is the kind of service that is a TCP hop of ordeal's own.
func Kind() target.Kind {
	return target.Kind{
		Name: kindName,
		Keys: []string{"link"},
		New:  func() any { return &serviceFile{} },
		Settings: func(r target.Reader, file any) target.Settings {
			return settingsOf(r, &file.(*serviceFile).Link)
		},
		Can:  target.Capabilities{Not: not, Conditions: conditions()},
		Open: func(env target.Env) target.Opener { return opener{env} },
		Heal: func(target.Healing) target.Healer { return healer{} },
	}
}

// not is what cannot be done to a link, and what to do instead.
var not = map[chaos.Capability]string{
	chaos.CapKill: "a link cannot be killed: " +
		"name the service behind it, or slow the link with latency",
	chaos.CapPause: "a link cannot be paused: " +
		"name the service behind it, or slow the link with latency",
}

// Instead implements chaos.Limited.
func (l *Link) Instead(c chaos.Capability) string { return not[c] }

// serviceFile is what the scenario file has of a service that is a link.
type serviceFile struct {
	Link linkFile `json:"link" doc:"a TCP hop that the run carries and whose traffic network faults can impair"`
}

type linkFile struct {
	Listen   string `json:"listen" default:"127.0.0.1:0" doc:"address to listen on; port 0 picks a free one, which is in ${NAME.addr}"`
	Upstream string `json:"upstream" required:"true" vars:"addr" doc:"host:port to pass connections on to, such as ${NAME.addr}"`

	Ready        target.ReadyFile `json:"ready" vars:"addr" doc:"what says that all behind the link is ready, asked through it: a path or URL that answers 2xx, tcp, or a mapping with http, tcp or command"`
	ReadyTimeout time.Duration    `json:"ready_timeout" default:"30s" positive:"true" doc:"how long that may take"`
}

// OtherForm implements strictyaml.OtherForm.
func (*linkFile) OtherForm(found string) string { return "write link: { upstream: " + found + " }" }

// Settings are those of a TCP hop.
type Settings struct {
	Listen string `json:"listen"` // 127.0.0.1:0 picks a free port, which is in ${NAME.addr}
	To     string `json:"upstream"`

	Ready        ready.Check   `json:"ready,omitzero"` // a path is asked through the link
	ReadyTimeout time.Duration `json:"ready_timeout"`
}

var (
	_ target.Settings = (*Settings)(nil)
	_ target.Carrier  = (*Settings)(nil)
)

func settingsOf(r target.Reader, f *linkFile) *Settings {
	_, key := r.Service()
	target.HostPort(r, "listen", f.Listen, r.Where(&f.Listen, key), true)
	at := r.Where(&f.Upstream, key)
	if f.Upstream != "" && target.HostPort(r, "upstream", target.Checked(f.Upstream), at, false) {
		host, _, _ := net.SplitHostPort(target.Checked(f.Upstream))
		r.Host(host, at)
	}
	return &Settings{Listen: f.Listen, To: f.Upstream, Ready: r.Ready(&f.Ready, ready.Check{}),
		ReadyTimeout: f.ReadyTimeout}
}

// Texts implements target.Settings.
func (s *Settings) Texts() []string { return append(target.CheckTexts(s.Ready), s.To) }

// Describe implements target.Settings.
func (s *Settings) Describe() (what, remark string) {
	return "link from " + s.listen() + " to " + s.To, s.exposed()
}

// listen is where the link listens, for people.
func (s *Settings) listen() string {
	if host, port, err := net.SplitHostPort(s.Listen); err == nil && port == "0" {
		return "a free port of " + host
	}
	return s.Listen
}

// exposed is a remark on a link that others than this machine can reach.
func (s *Settings) exposed() string {
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return ""
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "", err == nil && ip.IsUnspecified():
		return "on all interfaces: other machines can reach it too; 127.0.0.1 is for this one only"
	case err == nil && !ip.Unmap().IsLoopback():
		return "other machines may reach it too; 127.0.0.1 is for this one only"
	}
	return ""
}

// NoAddress implements target.Settings.
func (*Settings) NoAddress(string) (why, hint string) { return "", "" }

// Targets implements target.Settings.
func (*Settings) Targets() (n int, known bool) { return 1, true }

// Upstream implements target.Carrier.
func (s *Settings) Upstream() string { return s.To }

// opener starts the links of a run.
type opener struct{ env target.Env }

// Open implements target.Opener.
func (o opener) Open(
	ctx context.Context, name string, settings target.Settings,
) (*target.Instance, error) {
	s := settings.(*Settings)
	upstream, err := o.env.Expand(s.To)
	if err != nil {
		return nil, err
	}
	// A stream of its own, or all links would draw the same jitter.
	draws := seed.Stream(o.env.Seed, "link/"+name).Uint64()
	l, err := Start(ctx, name, s.Listen, upstream, draws, WithHosts(o.env.Hosts, o.env.Refused))
	if err != nil {
		return nil, err
	}
	o.env.Undo(func(context.Context) error { return l.Close() })
	o.env.Progress("carrying %s from %s to %s", name, l.Addr(), upstream)
	if !s.Ready.IsZero() {
		check, err := o.env.Ready(s.Ready, name, l.Addr(), o.env.Expand)
		if err != nil {
			return nil, err
		}
		p, err := ready.NewProber(check, ready.Options{Hosts: o.env.Hosts})
		if err != nil {
			return nil, err
		}
		defer p.Close()
		if err := p.Await(ctx, s.ReadyTimeout, nil); err != nil {
			return nil, err
		}
	}
	return &target.Instance{Addr: l.Addr(), Targets: []chaos.Target{l}}, nil
}

// Facts implements target.Opener.
func (o opener) Facts(
	_ context.Context, name string, settings target.Settings,
) (target.Facts, error) {
	s := settings.(*Settings)
	details := []target.Detail{
		{Name: "link", Value: "would listen on " + s.listen()}, {Name: "upstream", Value: s.To},
	}
	return target.Facts{
		Address: s.listen(),
		Targets: []target.Fact{{Name: name, Details: details}},
	}, nil
}

// healer has nothing to undo: links live and die with their run.
type healer struct{}

// Reopen implements target.Healer.
func (healer) Reopen(context.Context, chaos.Ref) (chaos.Target, error) { return nil, chaos.ErrGone }

// Sweep implements target.Healer.
func (healer) Sweep(context.Context, bool) (target.Swept, error) { return target.Swept{}, nil }

// Close implements target.Healer.
func (healer) Close() error { return nil }
