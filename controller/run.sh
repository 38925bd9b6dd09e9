#!/bin/sh
# Runs the controller in less than half the memory that Node takes if left alone: it collects garbage before it asks the system
# for more, and what the time series let go of goes back to the system. HEADROOM_NODE is the node to use.
here=$(dirname "$(readlink -f "$0")")
# One pool for all threads; pieces of 128 KiB and more are mapped by themselves, and are gone when they are freed.
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
exec "${HEADROOM_NODE:-node}" --optimize-for-size --max-semi-space-size=2 "$here/main.js" "$@"
