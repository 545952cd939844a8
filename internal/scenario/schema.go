package scenario

// Schema returns the JSON Schema of the scenario file, for editors. It is made
// from the structs and registries that the decoder reads by.
func Schema() []byte { return grammar.Schema("ordeal scenario", &scenarioFile{}) }
