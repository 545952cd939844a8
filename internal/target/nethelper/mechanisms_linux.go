package nethelper

// mechanisms lists the ways to impair traffic, the one to be preferred first:
// netem impairs all traffic and leaves connections and addresses as they are, the
// redirect works where the kernel has no netem.
func mechanisms() []namedMechanism {
	return []namedMechanism{
		{netemName, can()[netemName], func() mechanism { return new(netem) }},
		{Proxy, can()[Proxy], func() mechanism { return new(nftProxy) }},
	}
}
