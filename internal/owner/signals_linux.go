package owner

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// SignalMasks reads what a process does about signals; ErrNoProcess if there is
// none with this id.
func SignalMasks(pid int) (Masks, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if errors.Is(err, os.ErrNotExist) {
		return Masks{}, ErrNoProcess
	}
	if err != nil {
		return Masks{}, err
	}
	return parseMasks(string(b))
}

func parseMasks(status string) (m Masks, err error) {
	masks := map[string]*uint64{"SigIgn": &m.Ignored, "SigCgt": &m.Caught, "SigBlk": &m.Blocked}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if to, ok := masks[key]; ok {
			if *to, err = strconv.ParseUint(value, 16, 64); err != nil {
				return Masks{}, fmt.Errorf("expected a mask of signals as %s, found %q", key, value)
			}
			delete(masks, key)
		}
		if ids := strings.Fields(value); key == "NSpid" && len(ids) > 0 {
			m.Init = ids[len(ids)-1] == "1"
		}
	}
	if len(masks) > 0 {
		return Masks{}, errors.New("expected SigBlk, SigIgn and SigCgt in the status of a process")
	}
	return m, nil
}
