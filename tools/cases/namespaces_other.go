//go:build !linux

package main

import (
	"context"
	"errors"
)

var errNoNamespaces = errors.New("this case needs namespaces, which are Linux's")

func apart(context.Context, expectation, ...string) ([]string, error) {
	return nil, errNoNamespaces
}

func furnishNamespaces(_ context.Context, c expectation, _ string) error {
	if c.Mounts || c.Addresses != nil || c.Hosts != nil {
		return errNoNamespaces
	}
	return nil
}

func detach(string) error { return errNoNamespaces }
