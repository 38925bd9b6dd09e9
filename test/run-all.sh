#!/usr/bin/env bash
# Builds the product and runs the kinds of tests that are named, one after the other: unit, integration, install, e2e, xen. Ends with
# the runner's own count of all of them.
set -uo pipefail
cd "$(dirname "$0")/.."
export CI=${CI:-true}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

bash test/ensure-packages.sh "$@" || exit 1
npm run --silent build || exit 1

failed=0
files=()
for kind; do
  files+=("$results/$kind.json")
  npx --no-install vitest run --project "$kind" --reporter=default --reporter=json \
    --outputFile.json="$results/$kind.json" || failed=1
done
node test/count-results.mjs "${files[@]}" || failed=1
exit $failed
