package httpx_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
)

func TestLoadTargets(t *testing.T) {
	body := attacktest.File(t, "body.bin", "from a file")
	dir := filepath.Dir(body)
	for _, c := range []struct {
		name, file, format, content string
		want                        []httpx.Target
		err                         string
	}{
		{name: "http", file: "t.txt", content: "# all\nGET http://h/1\nX-B: 2\nx-a: 1\nX-B: 3\n\nPOST http://h/2\nA: b\n@body.bin\n\nGET /3",
			want: []httpx.Target{
				{Method: "GET", URL: "http://h/1", Headers: []payload.Field{{Name: "X-B", Value: "2"}, {Name: "X-B", Value: "3"}, {Name: "x-a", Value: "1"}}},
				{Method: "POST", URL: "http://h/2", Headers: []payload.Field{{Name: "A", Value: "b"}}, Body: []byte("from a file")},
				{Method: "GET", URL: "/3"},
			}},
		{name: "absolute body", file: "t.txt", content: "PUT http://h/\n@" + body + "\n", want: []httpx.Target{{Method: "PUT", URL: "http://h/", Body: []byte("from a file")}}},
		// vegeta itself drops a last line without an end
		{name: "json", file: "t.json", content: "{\"method\":\"GET\",\"url\":\"http://h/1\"}\n\n{\"method\":\"POST\",\"url\":\"http://h/2\",\"body\":\"eA==\",\"header\":{\"B\":[\"1\",\"2\"],\"A\":[\"3\"]}}",
			want: []httpx.Target{
				{Method: "GET", URL: "http://h/1"},
				{Method: "POST", URL: "http://h/2", Body: []byte("x"), Headers: []payload.Field{{Name: "A", Value: "3"}, {Name: "B", Value: "1"}, {Name: "B", Value: "2"}}},
			}},
		{name: "format by word", file: "t.txt", format: "json", content: `{"method":"GET","url":"http://h/1"}`, want: []httpx.Target{{Method: "GET", URL: "http://h/1"}}},
		{name: "empty", file: "t.txt", content: "# nothing\n\n", err: ":1: expected at least one target"},
		{name: "empty json", file: "t.json", err: ":1: expected at least one target"},
		{name: "bad method", file: "t.txt", content: "GET http://h/\n\n# x\nget http://h/\n", err: ":4: bad method: get"},
		{name: "bad target", file: "t.txt", content: "GET\n", err: ":1: bad target: GET"},
		{name: "bad url", file: "t.txt", content: "GET http://h/\nGET h\n", err: ":2: bad URL: h"},
		{name: "bad header", file: "t.txt", content: "GET http://h/\nA: b\n\nGET http://h/\nA: b\nnope\n", err: ":6: bad header: nope"},
		{name: "no body file", file: "t.txt", content: "GET http://h/\n@none.bin\n", err: ":2: expected the body file @none.bin, found neither " + filepath.Join(dir, "none.bin") + " beside the list nor none.bin in the working directory"},
		{name: "json without url", file: "t.json", content: "{\"method\":\"GET\",\"url\":\"http://h/\"}\n{\"method\":\"GET\"}\n", err: ":2: target: required url is missing"},
		{name: "json syntax", file: "t.json", content: "{\"method\":\n", err: ":1: expected a whole JSON object on the line"},
		{name: "long line", file: "t.txt", content: "GET http://h/\nA: " + strings.Repeat("x", 70_000) + "\n", err: ":2: expected a line of at most 61440 bytes, found 70004"},
		{name: "format", file: "t.txt", format: "csv", content: "x", err: `:1: expected format http or json, found "csv"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, c.file)
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := httpx.LoadTargets(path, c.format, os.ReadFile)
			if c.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), path+c.err) {
					t.Errorf("expected %q, found %v", c.err, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestBodyFilesAsVegeta: where a list names bodies from the working directory, they
// are found there, as vegeta finds them; those beside the list come first.
func TestBodyFilesAsVegeta(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, content := range map[string]string{
		"lists/list.txt":  "POST http://h/\n@./lists/far.json\n\nPOST http://h/\n@near.json\n\nPOST http://h/\n@both.json\n",
		"lists/far.json":  "far",
		"lists/near.json": "near",
		"lists/both.json": "beside the list",
		"both.json":       "in the working directory",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"lists/list.txt", filepath.Join(dir, "lists/list.txt")} {
		targets, err := httpx.LoadTargets(path, "", os.ReadFile)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range targets {
			got = append(got, string(x.Body))
		}
		if d := cmp.Diff([]string{"far", "near", "beside the list"}, got); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
}

func FuzzTargets(f *testing.F) {
	f.Add("GET http://h/\nA: b\n\nPOST http://h/x", "http")
	f.Add(`{"method":"GET","url":"http://h/1","header":{"a":["b"]}}`, "json")
	f.Fuzz(func(t *testing.T, s, format string) {
		if strings.Contains(s, "@") {
			t.Skip("would read files")
		}
		targets, err := httpx.ParseTargets([]byte(s), format, "", os.ReadFile)
		if (err == nil) != (len(targets) > 0) {
			t.Fatalf("%d targets and error %v", len(targets), err)
		}
		for _, g := range targets {
			if g.Method == "" || g.URL == "" {
				t.Errorf("a target without method or url: %+v", g)
			}
		}
		// One that parsed builds, or says why not.
		if err == nil {
			_, _ = httpx.NewBuilder(&attack.Plan{Requests: []attack.Request{{Name: "t", Protocol: httpx.Name, Spec: &httpx.Request{Targets: targets}}}})
		}
	})
}
