#!/usr/bin/env bash
# Installs a development tool in its pinned version into the cache folder, where it is missing, and runs it:
#   tool.sh golangci-lint run ./...
set -euo pipefail

case ${1-} in
  golangci-lint) module=github.com/golangci/golangci-lint/v2/cmd/golangci-lint version=v2.15.0 ;;
  govulncheck) module=golang.org/x/vuln/cmd/govulncheck version=v1.8.0 ;;
  *) sed -n '2,3s/^# \?//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
folder=${HIJACKD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hijackd}/$1-$version
if [[ ! -x $folder/$1 ]]; then
  echo "building $1 $version" >&2
  # From outside the module, so that its go.mod plays no part; go install puts the binary there in one step.
  (cd / && GOFLAGS='' GOBIN=$folder go install "$module@$version")
fi
exec "$folder/$1" "${@:2}"
