#!/usr/bin/env bash
# Runs a PostgreSQL server of its own for as long as its standard input is open: a test that is killed leaves none
# behind. Prints its URL once it answers. It listens on a socket in a new folder and on no port.
#
# postgres.sh [postgres's options, such as -c fsync=off]
set -euo pipefail
bin=$("$(dirname "$0")/install-postgres.sh")
folder=$(mktemp -d /tmp/sidestage-postgres.XXXXXX)

# PostgreSQL refuses to run as root.
as_user=()
if [[ $(id -u) == 0 ]]; then
  user=postgres
  id -u $user >/dev/null 2>&1 || user=nobody
  chown "$user" "$folder"
  as_user=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
fi
cd "$folder"
export HOME=$folder LC_ALL=C.UTF-8

server=
stop() {
  trap - EXIT
  if [[ -n $server ]]; then
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 143' TERM INT

"${as_user[@]}" "$bin/initdb" --username=sidestage --auth=trust --encoding=UTF8 --no-sync --pgdata="$folder/data" >"$folder/log" 2>&1 ||
  { cat "$folder/log" >&2; exit 1; }
"${as_user[@]}" "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=200 "$@" \
  >>"$folder/log" 2>&1 </dev/null &
server=$!
for _ in $(seq 300); do
  if "$bin/pg_isready" --quiet --host="$folder" --username=sidestage; then
    echo "postgres://sidestage@localhost/postgres?host=$folder"
    # Until nobody holds the other end any more.
    cat >/dev/null
    exit 0
  fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
cat "$folder/log" >&2
exit 1
