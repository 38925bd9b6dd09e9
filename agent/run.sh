#!/bin/sh
# Runs the agent in as little memory as Node can do with. Lite mode does without compiled code: that saves 18 MB and, for
# what the agent does, costs no CPU time that could be measured. HEADROOM_NODE is the node to use.
here=$(dirname "$(readlink -f "$0")")
# One pool of memory for all threads, rather than one each.
export MALLOC_ARENA_MAX=1
exec "${HEADROOM_NODE:-node}" --lite-mode --no-expose-wasm --max-semi-space-size=1 --single-threaded-gc --expose-gc \
  --no-node-snapshot "$here/main.js" "$@"
