#!/bin/sh
# Runs the controller in less than half the memory that Node takes if left alone: it collects garbage before it asks the system
# for more, and what the time series let go of goes back to the system. HEADROOM_NODE is the node to use; HEADROOM_V8_FLAGS, if set, what V8
# is told in place of that: empty for fleets of thousands of VMs, where so much collecting holds up the checks (docs/scale.md).
here=$(dirname "$(readlink -f "$0")")
# One pool for all threads; pieces of 128 KiB and more are mapped by themselves, and are gone when they are freed.
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
early="--optimize-for-size --max-semi-space-size=2"
exec "${HEADROOM_NODE:-node}" ${HEADROOM_V8_FLAGS-$early} "$here/main.js" "$@"
