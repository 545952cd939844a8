package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// apart runs a case in namespaces of its own: this program again, which gives what
// is wrong as JSON. They end with their last process.
func apart(ctx context.Context, c expectation, args ...string) (wrong []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"inside"}, args...)...)
	attr := &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS}
	if c.Addresses != nil {
		attr.Unshareflags |= syscall.CLONE_NEWNET
	}
	cmd.SysProcAttr = attr
	// It removes what it made, and ends by itself.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return wrong, json.Unmarshal(out, &wrong)
}

// furnishNamespaces gives a case's namespaces their addresses and names.
func furnishNamespaces(ctx context.Context, c expectation, dir string) error {
	ip := func(args ...string) error {
		out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if c.Addresses != nil {
		err := ip("link", "set", "lo", "up")
		for _, a := range c.Addresses {
			err = errors.Join(err, ip("addr", "add", a+"/32", "dev", "lo"))
		}
		if err != nil {
			return err
		}
	}
	if c.Hosts == nil {
		return nil
	}
	var b strings.Builder
	for _, addr := range slices.Sorted(maps.Keys(c.Hosts)) {
		fmt.Fprintln(&b, addr, strings.Join(c.Hosts[addr], " "))
	}
	file := filepath.Join(dir, "hosts")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		return err
	}
	return syscall.Mount(file, "/etc/hosts", "", syscall.MS_BIND, "")
}

// detach unmounts what is mounted at path, if anything is.
func detach(path string) error {
	err := syscall.Unmount(path, syscall.MNT_DETACH)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return err
}
