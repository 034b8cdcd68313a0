#!/usr/bin/env bash
# Installs the stock Backstage that the demo and the tests run, from the npm registry:
#
#   scripts/install-backstage.sh            the backend, the test harness and our module for it (about a minute)
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

# Our module goes in as anybody would get it: packed, then installed.
plugin=$root/backstage-plugin
module=$plugin/plugins/scaffolder-backend-module-sidestage
npm_ci backstage-plugin "$plugin" --ignore-scripts
mapfile -t sources < <(find "$module" "$root/actions-schema" -type f \
  -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/.test-build/*' 2>/dev/null | sort)
installed=$root/tests/backstage/node_modules/@sidestage/plugin-scaffolder-backend-module-sidestage
if [[ -f $installed/package.json ]] && fresh module "$plugin/package-lock.json" "${sources[@]}"; then
  echo "module: installed already"
else
  echo "module: packing it and installing it into the stock Backstage"
  pack=$(mktemp -d)
  trap 'rm -rf "$pack"' EXIT
  (cd "$module" && npm pack --loglevel=error --pack-destination "$pack" >/dev/null)
  (cd "$root/tests/backstage" && npm install --no-save --ignore-scripts --loglevel=error "$pack"/*.tgz >/dev/null)
  stamp module "$plugin/package-lock.json" "${sources[@]}"
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
