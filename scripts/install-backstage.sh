#!/usr/bin/env bash
# Installs the stock Backstage that the demo and the tests run, from the npm registry:
#
#   scripts/install-backstage.sh            the backend, the test harness and our packages for it (about a minute)
#   scripts/install-backstage.sh --web      its web UI as well (another minute)
#
# What is there already is left alone: a second run takes a second.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

"$root/scripts/install-node.sh"
# No package here needs its install script; a stock machine needs no compiler.
npm_ci tests "$root/tests" --ignore-scripts
npm_ci backstage "$root/tests/backstage" --ignore-scripts

# Our packages go in as anybody would get them: packed, then installed.
plugin=$root/backstage-plugin
npm_ci backstage-plugin "$plugin" --ignore-scripts
mapfile -t sources < <(find "$plugin/plugins" "$plugin/tsconfig.base.json" "$root/actions-schema" -type f \
  -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/.test-build/*' 2>/dev/null | sort)
if [[ -d $root/tests/backstage/node_modules/@sidestage ]] && fresh packages "$plugin/package-lock.json" "${sources[@]}"; then
  echo "packages: installed already"
else
  echo "packages: packing ours and installing them into the stock Backstage"
  pack=$(mktemp -d)
  trap 'rm -rf "$pack"' EXIT
  (cd "$plugin" && npm pack --workspaces --loglevel=error --pack-destination "$pack" >/dev/null)
  (cd "$root/tests/backstage" && npm install --no-save --ignore-scripts --loglevel=error "$pack"/*.tgz >/dev/null)
  stamp packages "$plugin/package-lock.json" "${sources[@]}"
fi

if [[ ${1:-} == --web ]]; then
  web=$root/tests/backstage/frontend
  npm_ci web "$web" --ignore-scripts --legacy-peer-deps
  if [[ -f $web/dist/index.html ]] && fresh bundle "$web"/package-lock.json "$web"/*.js "$web"/*.tsx; then
    echo "web: bundled already"
  else
    echo "web: bundling"
    (cd "$web" && node bundle.js)
    stamp bundle "$web"/package-lock.json "$web"/*.js "$web"/*.tsx
  fi
fi
