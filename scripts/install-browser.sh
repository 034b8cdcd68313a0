#!/usr/bin/env bash
# Makes sure that there is a Chromium for the browser test, and prints its path. Debian's is taken: the builds that
# Playwright would download are not needed. Set CHROMIUM to use another one.
set -euo pipefail

find_chromium() {
  local name
  if [[ -n ${CHROMIUM:-} ]]; then
    command -v "$CHROMIUM" && return
    echo "browser: CHROMIUM is set to $CHROMIUM, which is not a program" >&2
    return 1
  fi
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" && return
  done
  return 1
}

if path=$(find_chromium); then
  echo "$path"
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "browser: found no Chromium, and no apt-get to install it with. Install Chromium and run this again." >&2
  exit 1
fi
as_root=()
if [[ $(id -u) != 0 ]]; then as_root=(sudo); fi
echo "browser: installing Chromium with apt-get (about a minute)" >&2
{
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation
} >&2
find_chromium
