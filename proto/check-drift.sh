#!/usr/bin/env bash
# The generated code must be what buf makes of the contract: generate beside it and compare.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed "s|out: proto/gen|out: $work/gen|" buf.gen.yaml >"$work/buf.gen.yaml"
npx --no-install buf generate --template "$work/buf.gen.yaml"
if ! diff -r proto/gen "$work/gen"; then
  echo 'proto/gen is not what the contract generates: run npm run proto:generate' >&2
  exit 1
fi
