#!/usr/bin/env bash
# The contract must still read what released versions wrote: compare with the recorded image of the first version.
# The image is made once a release: npx buf build -o proto/released/NAME.binpb
set -euo pipefail
cd "$(dirname "$0")/.."
for image in proto/released/*.binpb; do
  npx --no-install buf breaking --against "$image"
done
