package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// BodyFile is a body byte for byte as a file holds it: nothing in it is a template.
// In JSON it is the file's name, its size and a SHA-256 over it, and not the bytes;
// one that was read from JSON has none.
type BodyFile struct {
	Name  string
	Bytes []byte // must not be changed
}

var _ json.Marshaler = (*BodyFile)(nil)

// MarshalJSON implements json.Marshaler.
func (f *BodyFile) MarshalJSON() ([]byte, error) {
	sum := sha256.Sum256(f.Bytes)
	return json.Marshal(struct {
		File   string `json:"file"`
		Size   int    `json:"size"`
		SHA256 string `json:"sha256"`
	}{f.Name, len(f.Bytes), hex.EncodeToString(sum[:])})
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *BodyFile) UnmarshalJSON(b []byte) error {
	var in struct {
		File string `json:"file"`
	}
	err := json.Unmarshal(b, &in)
	*f = BodyFile{Name: in.File}
	return err
}

// LooksLikeTemplate says whether rendering would change a text. A text with {{ of another language,
// such as a web page or TeX, does not compile or names something that is no column.
func LooksLikeTemplate(s string, has func(column string) bool) bool {
	t, err := New(s, new(Draw))
	if err != nil || t.IsFixed() {
		return false
	}
	return !slices.ContainsFunc(ColumnsIn(s), func(column string) bool { return !has(column) })
}
