package attack

// appendParts adds a JSON text to b.
func (k *kit) appendParts(b []byte) ([]byte, error) {
	for i := range k.json {
		p := &k.json[i]
		if !p.quoted && !p.bare {
			b = append(b, p.text.fixedText()...)
			continue
		}
		var err error
		if k.value, err = p.text.append(k.value[:0], &k.row); err != nil {
			return b, err
		}
		if p.bare {
			b, err = appendJSONValue(b, k.value, p.text.kind(&k.row))
		} else {
			b, err = appendJSON(b, k.value)
		}
		if err != nil {
			return b, err
		}
		if len(b) > maxRendered {
			return b, errRendered
		}
	}
	return b, nil
}
