#!/usr/bin/env bash
# Installs Debian packages unless a command is there already:
#   need.sh COMMAND PACKAGE…
set -euo pipefail

[[ $# -ge 2 ]] || { sed -n '2,3s/^# \?//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
command -v "$1" >/dev/null && exit
command -v apt-get >/dev/null || { echo "$1 is missing, and there is no apt-get to install it with" >&2; exit 1; }
as_root=()
if [[ $(id -u) != 0 ]]; then
  command -v sudo >/dev/null || { echo "$1 is missing: install as root the Debian packages ${*:2}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "$1 is missing: installing the Debian packages ${*:2}" >&2
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${@:2}" >&2
command -v "$1" >/dev/null || { echo "$1 is still missing after installing ${*:2}" >&2; exit 1; }
