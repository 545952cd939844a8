package nethelper

import (
	"context"
	"errors"
)

// clean removes what ordeal's mechanisms may have left in the namespace,
// verifies that it is gone, and returns what there was. It is idempotent.
func clean(context.Context) ([]string, error) {
	var found []string
	had, tableErr := removeTable()
	if had && tableErr == nil {
		found = append(found, "nftables table inet "+tableName)
	}
	links, netemErr := removeNetem()
	for _, l := range links {
		found = append(found, "netem on "+l)
	}
	return found, errors.Join(tableErr, netemErr)
}
