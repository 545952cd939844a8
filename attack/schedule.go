package attack

import "iter"

func schedule(p *Plan) iter.Seq[Arrival] { panic("not yet") }
