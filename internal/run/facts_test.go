package run

import (
	"encoding/json"
	"reflect"
	"testing"
)

// What run.json says is read back as it was written, and anything else is refused.
func FuzzParseFacts(f *testing.F) {
	f.Add([]byte(`{"schema":1,"run":"a1","host":{"os":"linux"},"end":{"problems":["x"],"unsent":{"started":"2026-01-02T03:04:05Z"}}}`))
	f.Add([]byte(`{"schema":1,"end":{"truncated":{"planned":5,"faults":[{"name":"x"}]}}}`))
	f.Add([]byte(`{"schema":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseFacts(text)
		if err != nil {
			return
		}
		if got.Schema != factsSchema {
			t.Fatalf("schema %d was taken", got.Schema)
		}
		dir := t.TempDir()
		if err := got.write(dir); err != nil {
			t.Fatal(err)
		}
		again := recorded{dir: dir}
		if err := again.readFacts(); err != nil {
			t.Fatal(err)
		}
		if got.End == nil {
			got.End = &ended{}
		}
		want, _ := json.Marshal(got)
		have, _ := json.Marshal(again.facts)
		if !reflect.DeepEqual(want, have) {
			t.Errorf("read %s, and back %s", want, have)
		}
	})
}
