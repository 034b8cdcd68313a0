#!/usr/bin/env bash
# Makes sure that there is a PostgreSQL server for the tests, and prints the folder of its programs. Debian's is taken.
# Set POSTGRES_BIN to use another one.
set -euo pipefail

find_postgres() {
  local folder
  for folder in ${POSTGRES_BIN:-} /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
    if [[ -x $folder/initdb && -x $folder/postgres ]]; then
      echo "$folder"
      return
    fi
  done
  return 1
}

find_postgres && exit 0
if ! command -v apt-get >/dev/null; then
  echo "postgres: found no PostgreSQL, and no apt-get to install it with. Install it, or set POSTGRES_BIN." >&2
  exit 1
fi
as_root=()
if [[ $(id -u) != 0 ]]; then as_root=(sudo); fi
echo "postgres: installing it with apt-get" >&2
{
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
} >&2
find_postgres
