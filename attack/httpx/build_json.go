package httpx

import "github.com/seed-1574e9de/ordeal/attack/payload"

// appendParts adds a JSON text to b.
func (k *compiled) appendParts(b []byte) ([]byte, error) {
	for i := range k.json {
		p := &k.json[i]
		if !p.Quoted && !p.Bare {
			b = append(b, p.Text.Literal()...)
			continue
		}
		var err error
		if k.value, err = p.Text.Append(k.value[:0], &k.row); err != nil {
			return b, err
		}
		if p.Bare {
			b, err = payload.AppendJSONValue(b, k.value, p.Text.Kind(&k.row))
		} else {
			b, err = payload.AppendJSON(b, k.value)
		}
		if err != nil {
			return b, err
		}
		if len(b) > payload.MaxRendered {
			return b, payload.ErrTooMuch
		}
	}
	return b, nil
}
