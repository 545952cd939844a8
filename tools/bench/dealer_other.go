//go:build !linux

package main

import (
	"errors"
	"io"
	"os"
)

func (m manner) serve(*os.File, io.Writer) (dealt, error) {
	return dealt{}, errors.New("needs Linux: it waits with epoll and timerfd")
}
