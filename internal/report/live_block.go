package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// block is the live status for a terminal. It reads no input, handles no signals and asks the
// terminal nothing, so that Ctrl-C reaches ordeal, and what is typed ahead reaches the shell.
type block struct {
	program *tea.Program
	out     io.Writer
	wg      sync.WaitGroup
}

func newBlock(out io.Writer, p palette) *block {
	b := &block{out: out, program: tea.NewProgram(&blockModel{palette: p},
		tea.WithOutput(out), tea.WithInput(nil), tea.WithoutSignalHandler(),
		// Whether there is colour was decided by the caller; the styles in use are
		// within the 16 colours that every terminal has.
		tea.WithColorProfile(colorprofile.ANSI),
	)}
	b.wg.Go(func() {
		// A terminal that cannot be drawn on costs the status, not the run.
		_, _ = b.program.Run()
	})
	return b
}

func (b *block) show(s LiveState) { b.program.Send(stateMsg(s)) }

func (b *block) print(line string) {
	lines := strings.Join(wrapEvent(line, WidthOf(b.out)), "\n")
	b.program.Send(tea.Println(lines)())
}

func (b *block) close() {
	b.program.Send(closeMsg{})
	b.program.Quit()
	b.wg.Wait()
}

// wrapEvent breaks a line, which may be coloured, at the terminal's edge.
func wrapEvent(line string, width int) []string {
	return strings.Split(ansi.Wrap(line, max(width-1, 10), ""), "\n")
}

type stateMsg LiveState

type closeMsg struct{}

// blockModel turns states into the block's lines.
type blockModel struct {
	palette palette
	width   int
	state   *LiveState
	closed  bool
}

func (m *blockModel) Init() tea.Cmd { return nil }

func (m *blockModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width = msg.Width
	case stateMsg:
		m.state = (*LiveState)(&msg)
	case closeMsg:
		m.closed = true
	}
	return m, nil
}

func (m *blockModel) View() tea.View {
	v := tea.NewView("")
	v.DisableBracketedPasteMode = true
	if m.state != nil && !m.closed {
		v.SetContent(strings.Join(blockLines(m.state, m.width, m.palette), "\n"))
	}
	return v
}

const (
	labelWidth = 10
	maxFaults  = 4 // lines; more would push the block through a small terminal
	maxRules   = 4
	maxNotes   = 3
)

// blockLines is the block: always the same lines in the same places, so that
// the eye finds them again.
func blockLines(s *LiveState, width int, p palette) []string {
	if width <= 0 {
		width = 80
	}
	lines := []string{"", progressLine(s, width, p)}
	add := func(label string, fields ...string) {
		line := p.dim(pad(label, labelWidth))
		for i, f := range fields {
			if i > 0 {
				line += "  "
			}
			line += f
		}
		lines = append(lines, line)
	}
	answers, asked, value := pad("-", 8), "of", "-"
	if last := s.Last; last != nil {
		answers = pad(rate(last.Answered), 8)
		if last.Due > 0 && last.Answered < 0.9*last.Due {
			answers = p.warn(answers)
		}
		asked, value, _ = strings.Cut(last.asked(), " ")
	}
	errors := fmt.Sprintf(
		"%s, %s now",
		quantity.FormatWhole(s.Errors),
		quantity.FormatFraction(s.ErrorRate),
	)
	if s.ErrorRate > 0 {
		errors = p.bad(errors)
	}
	if s.Phase == "" {
		add(
			"rate",
			answers+p.dim(" "+asked+" ")+pad(value, 8),
			p.dim("in flight ")+pad(fmt.Sprint(s.InFlight), 6),
			p.dim("queued ")+fmt.Sprint(s.Queued),
		)
		add(
			"response",
			p.dim("p50 ")+pad(offset(s.P50), 7),
			p.dim("p95 ")+pad(offset(s.P95), 7),
			p.dim("p99 ")+offset(s.P99),
		)
		add("errors", errors)
	}

	shown, hidden := 0, 0
	for i := range s.Faults {
		f := &s.Faults[i]
		if !f.active() && f.State != timeline.Failed {
			continue
		}
		if shown == maxFaults {
			hidden++
			continue
		}
		label := ""
		if shown == 0 {
			label = "faults"
		}
		shown++
		text := p.bold(plain(f.Name)) + " " + p.fault(f.State)(string(f.State)) +
			" on " + plain(targets(f.Targets))
		if f.State == timeline.Effective && f.Until != nil {
			text += p.dim(", " + countdown(*f.Until-s.Elapsed) + " left")
		}
		add(label, text)
	}
	if hidden > 0 {
		add("", p.dim(fmt.Sprintf("and %d more", hidden)))
	}
	if next := s.next(); next != nil {
		text := p.dim("next ") + plain(next.Name) + p.dim(" in "+countdown(next.Planned-s.Elapsed))
		if shown == 0 {
			add("faults", text)
		} else {
			add("", text)
		}
	} else if shown == 0 && len(s.Faults) > 0 {
		add("faults", p.dim("none to come"))
	}
	for i, l := range ruleLines(s.Rules, p) {
		label := ""
		if i == 0 {
			label = "rules"
		}
		add(label, l)
	}
	for i, n := range s.Notes {
		if i == maxNotes {
			break
		}
		add("note", p.warn(plain(n)))
	}
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, width-1, "…")
	}
	return lines
}

// ruleLines say how the rules stand, those that fail first.
func ruleLines(rules []LiveRule, p palette) []string {
	sorted := slices.Clone(rules)
	slices.SortStableFunc(sorted, func(a, b LiveRule) int {
		switch {
		case a.fails() == b.fails():
			return 0
		case a.fails():
			return -1
		}
		return 1
	})
	var lines []string
	for i := range sorted {
		if i == maxRules {
			lines = append(lines, p.dim(fmt.Sprintf("and %d more", len(sorted)-maxRules)))
			break
		}
		r := &sorted[i]
		word, observed := pad(r.standing(), 5), pad(plain(orDash(r.Observed)), 10)
		if r.fails() {
			word, observed = p.bad(word), p.bad(observed)
		}
		lines = append(lines, word+"  "+observed+"  "+plain(r.Rule))
	}
	return lines
}

func progressLine(s *LiveState, width int, p palette) string {
	if s.Phase != "" {
		return p.info(plain(s.Phase))
	}
	times := clock(s.Elapsed) + " of " + clock(s.Total)
	stage := plain(s.Stage)
	stage = pad(ansi.Truncate(stage, max(labelWidth-1, width/4), "…"), labelWidth-1) + " "
	room := min(width-1-ansi.StringWidth(stage)-2-len(times), 50)
	if room < 5 {
		return p.bold(stage) + times
	}
	full := 0
	if s.Total > 0 {
		full = int(float64(room) * min(1, float64(s.Elapsed)/float64(s.Total)))
	}
	return p.bold(stage) + p.info(strings.Repeat("━", full)) +
		p.dim(strings.Repeat("┄", room-full)) + "  " + times
}

// pad fills s with spaces to width cells.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}
