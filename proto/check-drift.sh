#!/usr/bin/env bash
# The generated code must be what buf makes of the contract: generate beside it and compare.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
sed "s|out: proto/gen|out: $fresh|" buf.gen.yaml >"$fresh/buf.gen.yaml"
npx --no-install buf generate --template "$fresh/buf.gen.yaml"
rm "$fresh/buf.gen.yaml"
if ! diff -r proto/gen "$fresh"; then
  echo 'proto/gen is not what the contract generates: run npm run proto:generate' >&2
  exit 1
fi
