package container

import (
	"archive/tar"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/image"
)

// program is the path of ordeal in the image made of it.
const program = "/ordeal"

// Prepare makes what network faults need, the image for their helpers, so that
// it does not have to be made while load is on. It is optional and idempotent.
func (e *Engine) Prepare(ctx context.Context) error {
	_, err := e.ownImage(ctx)
	return err
}

// ownImage returns the id of the run's image, and makes it first if need be: one
// layer with one static program, so that nothing is pulled.
func (e *Engine) ownImage(ctx context.Context) (string, error) {
	e.imaging.Lock()
	defer e.imaging.Unlock()
	e.mu.Lock()
	id, run, progress := e.image, e.run, e.progress
	e.mu.Unlock()
	if id != "" {
		return id, nil
	}
	path := e.binary
	if path == "" {
		var err error
		if path, err = os.Executable(); err != nil {
			return "", fmt.Errorf("finding ordeal's own program: %w", err)
		}
	}
	if err := checkBinary(path, e.arch); err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("opening ordeal's own program: %w", err)
	}
	defer f.Close()
	progress("making an image of ordeal's own program")

	making, cancel := uncancelled(ctx, importTimeout)
	defer cancel()
	r, w := io.Pipe()
	defer r.Close()
	e.wg.Go(func() { w.CloseWithError(writeImage(w, f)) })
	changes := []string{"ENTRYPOINT [" + strconv.Quote(program) + "]"}
	labels := e.labels(RoleImage)
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		changes = append(changes, "LABEL "+strconv.Quote(k)+"="+strconv.Quote(labels[k]))
	}
	body, err := e.api.ImageImport(
		making,
		image.ImportSource{Source: r, SourceName: "-"},
		imageName(run),
		image.ImportOptions{
			Message:  "made by ordeal",
			Changes:  changes,
			Platform: e.osType + "/" + e.arch,
		},
	)
	if err != nil {
		return "", fmt.Errorf("making an image of %s: %w", path, err)
	}
	defer body.Close()
	if id, err = importedID(body); err != nil {
		return "", fmt.Errorf("making an image of %s: %w", path, err)
	}
	e.mu.Lock()
	e.image = id
	e.mu.Unlock()
	return id, nil
}

// importedID reads the engine's progress to its end: the last status is the
// image's id. The call itself succeeds even if the import does not.
func importedID(r io.Reader) (string, error) {
	id := ""
	for dec := json.NewDecoder(r); ; {
		var line struct{ Status, Error string }
		err := dec.Decode(&line)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("reading the engine's answer: %w", err)
		}
		if line.Error != "" {
			return "", errors.New(line.Error)
		}
		if strings.HasPrefix(line.Status, "sha256:") {
			id = line.Status
		}
	}
	if id == "" {
		return "", errors.New("expected an image id from the engine, found none")
	}
	return id, nil
}

// imageName is the reference of a run's image.
func imageName(run string) string { return "ordeal-" + slug(run) + ":latest" }

// slug turns a run's id into what the engine accepts in names of images,
// containers and networks alike: a-z, 0-9 and single dashes.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == 100 {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}

// writeImage writes the image's file system.
func writeImage(w io.Writer, binary *os.File) error {
	info, err := binary.Stat()
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	// A fixed time: the same program gives the same layer.
	when := time.Unix(0, 0)
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: when}); err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(program, "/"), Mode: 0o755, Size: info.Size(), ModTime: when}); err != nil {
		return err
	}
	if _, err := io.Copy(t, binary); err != nil {
		return err
	}
	return t.Close()
}

// elfMachines are the engine's names of architectures.
var elfMachines = map[elf.Machine]string{
	elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_ARM: "arm", elf.EM_386: "386",
	elf.EM_PPC64: "ppc64le", elf.EM_S390: "s390x", elf.EM_RISCV: "riscv64",
}

// checkBinary says why a program would not run in an empty Linux image.
func checkBinary(path, arch string) error {
	build := fmt.Sprintf("build it with CGO_ENABLED=0 GOOS=linux GOARCH=%s", arch)
	f, err := elf.Open(path)
	if err != nil {
		if _, format := errors.AsType[*elf.FormatError](err); format || errors.Is(err, io.EOF) {
			return fmt.Errorf(
				"%s is not a Linux program, so no container can be made of it: %s",
				path,
				build,
			)
		}
		return fmt.Errorf("opening ordeal's own program: %w", err)
	}
	defer f.Close()
	if got := elfMachines[f.Machine]; got != arch {
		if got == "" {
			got = f.Machine.String()
		}
		return fmt.Errorf(
			"%s is a program for %s, and the engine runs %s: %s",
			path,
			got,
			arch,
			build,
		)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf(
				"%s needs shared libraries, which an image made of it alone does not have: %s",
				path,
				build,
			)
		}
	}
	return nil
}
