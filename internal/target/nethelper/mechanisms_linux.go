package nethelper

// mechanisms lists the ways to shape traffic, the one to be preferred first:
// netem shapes all traffic and leaves connections and addresses as they are, the
// redirect works where the kernel has no netem.
func mechanisms() []namedMechanism {
	return []namedMechanism{
		{netemName, can()[netemName], func() mechanism { return new(netem) }},
		{Proxy, can()[Proxy], func() mechanism { return new(nftProxy) }},
	}
}
