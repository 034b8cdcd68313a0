# Shared by the scripts: sourced, not run.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
stamps=$root/.tools/stamps
mkdir -p "$stamps"
export PATH="$root/.tools/node/bin:$PATH"
# A user's own setting of npm must not decide what is installed here.
export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false

# fresh NAME FILE...: whether the stamp NAME was made for files with exactly this content.
fresh() {
  local name=$1
  shift
  [[ -f $stamps/$name ]] && [[ $(cat "$stamps/$name") == "$(digest "$@")" ]]
}

# stamp NAME FILE...: remembers that NAME was done for this content.
stamp() {
  local name=$1
  shift
  digest "$@" >"$stamps/$name"
}

# Besides the files, the place and the Node that they were installed by count.
digest() {
  { node --version; echo "$root"; cat "$@"; } | sha256sum | cut -d' ' -f1
}

# npm_ci NAME FOLDER [npm ci's options]: installs from the lock file, unless that was done already.
npm_ci() {
  local name=$1 folder=$2
  shift 2
  if [[ -d $folder/node_modules ]] && fresh "$name" "$folder/package.json" "$folder/package-lock.json"; then
    echo "$name: installed already"
    return
  fi
  rm -f "$stamps/$name"
  echo "$name: npm ci in ${folder#"$root"/}"
  (cd "$folder" && npm ci --loglevel=error "$@")
  stamp "$name" "$folder/package.json" "$folder/package-lock.json"
}
