#!/usr/bin/env bash
# Installs the cargo tools that the checks need, into .tools/cargo. They are compiled: some minutes the first time.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

CARGO_DENY=0.20.2

installed=$("$root/.tools/cargo/bin/cargo-deny" --version 2>/dev/null || true)
if [[ $installed == "cargo-deny $CARGO_DENY" ]]; then
  echo "cargo tools: $installed is in .tools/cargo already"
  exit 0
fi
echo "cargo tools: compiling cargo-deny $CARGO_DENY into .tools/cargo (some minutes)"
# Optimised code would take three times as long to compile, and the check runs for a second.
CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_LTO=off \
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256 CARGO_PROFILE_RELEASE_STRIP=true \
  cargo install cargo-deny --version "$CARGO_DENY" --locked --quiet \
  --root "$root/.tools/cargo" --target-dir "$root/.tools/cargo-build"
rm -rf "$root/.tools/cargo-build"
