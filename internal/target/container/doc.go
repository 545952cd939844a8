// Package container is the adapter to a Docker Engine.
//
// # Whose containers
//
// Containers that the user runs are found (Engine.Find) and broken, but never
// removed or changed for good. Containers that a run needs for itself are
// started in a Stack, with a private network and an image made of ordeal's own
// binary, and removed with it.
//
// # What is left behind
//
// Everything that is made here carries the labels ordeal.run, ordeal.owner and
// ordeal.role. Stack.Close and Engine.Close remove what carries their run and
// verify that nothing is left; Engine.Sweep removes what carries an owner that
// is no longer alive.
//
// # Network faults
//
// A container's traffic is impaired by a helper: a container made of ordeal's own
// binary in the target's network namespace, that has NET_ADMIN and nothing else.
// See package nethelper for what it does. It is held by the stream that ordeal has
// attached to it: when that ends, the helper undoes its work and is removed by
// the engine.
//
// Every call to the engine has a deadline.
package container

// Labels of everything that ordeal makes in an engine.
const (
	LabelRun   = "ordeal.run"
	LabelOwner = "ordeal.owner" // text of owner.Owner
	LabelRole  = "ordeal.role"

	labelFault  = "ordeal.fault"  // of a helper: the fault's id
	labelTarget = "ordeal.target" // of a helper: the target's id
)

// Roles, the values of LabelRole.
const (
	RoleService = "service"
	RoleHelper  = "helper"
	RoleImage   = "image"
	RoleNetwork = "network"
)
