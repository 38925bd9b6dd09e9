#!/usr/bin/env bash
# Everything: unit, integration and end-to-end tests, one kind after the other. Ends with the runner's own count.
set -uo pipefail
cd "$(dirname "$0")/.."
export CI=${CI:-true}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

bash test/ensure-packages.sh || exit 1
npm run --silent build || exit 1

failed=0
for project in unit integration e2e; do
  npx --no-install vitest run --project "$project" --reporter=default --reporter=json \
    --outputFile.json="$results/$project.json" || failed=1
done
node test/count-results.mjs "$results"/*.json || failed=1
exit $failed
