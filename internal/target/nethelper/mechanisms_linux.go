package nethelper

// mechanisms lists the ways to bend traffic, the one to be preferred first:
// netem bends all traffic and leaves connections and addresses as they are, the
// redirect works where the kernel has no netem.
func mechanisms() []namedMechanism {
	return []namedMechanism{
		{"netem", func() mechanism { return new(netem) }},
		{Proxy, func() mechanism { return new(nftProxy) }},
	}
}
