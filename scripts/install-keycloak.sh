#!/usr/bin/env bash
# Installs Keycloak into .tools/keycloak: its distribution from Maven Central, built for the development mode that the
# tests start, with the database of an empty server in data/h2 (a start from a copy of it takes a third of the time).
#
# What is there already is left alone: a second run takes no time.
set -euo pipefail

KEYCLOAK=26.7.4

root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/.tools
target=$tools/keycloak
log=$tools/keycloak-install.log

say() { printf 'keycloak: %s\n' "$*"; }

if [[ $(cat "$target/prepared" 2>/dev/null) == "$KEYCLOAK" ]]; then
  say "$KEYCLOAK is in .tools/keycloak already"
  exit 0
fi

if ! command -v mvn >/dev/null || ! command -v java >/dev/null; then
  if ! command -v apt-get >/dev/null; then
    say "found no Maven and Java, and no apt-get to install them with. Install Java 17 or later and Maven, then run this again." >&2
    exit 1
  fi
  as_root=()
  if [[ $(id -u) != 0 ]]; then as_root=(sudo); fi
  say "installing Maven and Java with apt-get"
  {
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends maven
  } >&2
fi

mkdir -p "$tools"
rm -rf "$target"
work=$(mktemp -d "$tools/keycloak.XXXXXX")
server=
finish() {
  if [[ -n $server ]]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT

say "fetching $KEYCLOAK from Maven Central (170 MB)"
if ! (cd "$work" && mvn --quiet --batch-mode dependency:copy \
  -Dartifact="org.keycloak:keycloak-quarkus-dist:$KEYCLOAK:tar.gz" -DoutputDirectory="$work") >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
tar --extract --file "$work/keycloak-quarkus-dist-$KEYCLOAK.tar.gz" --directory "$work"
mv "$work/keycloak-$KEYCLOAK" "$target"

# Development mode has no build of its own: its first start builds, and makes the database. It is ended once it runs.
say "building it for development mode, and its database (about half a minute; the log is .tools/keycloak-install.log)"
JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1 "$target/bin/kc.sh" start-dev --health-enabled=true \
  --http-host=127.0.0.1 --http-port=0 --http-management-port=0 >"$log" 2>&1 </dev/null &
server=$!
until grep -q 'Listening on:' "$log" 2>/dev/null; do
  if ! kill -0 "$server" 2>/dev/null; then
    tail -n 40 "$log" >&2
    say "it ended before it was ready: see above" >&2
    exit 1
  fi
  sleep 0.5
done
kill "$server"
wait "$server" || true
server=
echo "$KEYCLOAK" >"$target/prepared"
say "$KEYCLOAK is in .tools/keycloak"
