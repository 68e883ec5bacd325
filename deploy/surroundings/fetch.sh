#!/usr/bin/env bash
# Fetches what the tests and the embedded engine run on into the cache folder, where it is missing:
#   fetch.sh engine   libchdb.so, with npm
#   fetch.sh kafka    Apache Kafka's jars, with Maven
# and prints the folder that holds it. What is fetched is pinned by package-lock.json and pom.xml.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${HIJACKD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hijackd}

# keyed NAME FILE: the cache folder of what FILE pins.
keyed() { echo "$cache/$1-$(sha256sum "$2" | cut -c1-12)"; }

# keep FROM TO: a folder becomes visible complete or not at all; where another fetch was faster, its copy stays.
keep() {
  mv -T "$1" "$2" 2>/dev/null || [[ -d $2 ]] || { echo "cannot move $1 to $2" >&2; exit 1; }
}

engine() {
  local to
  to=$(keyed libchdb "$here/package-lock.json")
  if [[ ! -f $to/libchdb.so ]]; then
    [[ $(uname -sm) == "Linux x86_64" ]] || { echo "the embedded engine exists for Linux on x86-64 only, this is $(uname -sm)" >&2; exit 1; }
    "$here/need.sh" npm npm
    echo "fetching libchdb (about 570 MB on disk)" >&2
    part=$(mktemp -d "$cache/part.XXXXXX")
    cp "$here/package.json" "$here/package-lock.json" "$part/"
    (cd "$part" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
    mkdir "$part/out"
    mv "$part"/node_modules/@chdb/lib-*/{libchdb.so,package.json} "$part/out/"
    keep "$part/out" "$to"
  fi
  # The name that hijackd-engine looks for, switched in one step.
  ln -sfnT "$to" "$cache/libchdb.$$"
  mv -fT "$cache/libchdb.$$" "$cache/libchdb"
  echo "$to"
}

kafka() {
  local to
  to=$(keyed kafka "$here/pom.xml")
  if [[ ! -d $to ]]; then
    "$here/need.sh" mvn maven
    echo "fetching Apache Kafka (about 45 MB)" >&2
    part=$(mktemp -d "$cache/part.XXXXXX")
    mvn -q -B -Dstyle.color=never -f "$here/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
      -DoutputDirectory="$part/jars" >&2
    keep "$part/jars" "$to"
  fi
  echo "$to"
}

part= # the folder of an unfinished fetch
trap '[[ -z $part ]] || rm -rf "$part"' EXIT
mkdir -p "$cache"
case ${1-} in
  engine) engine ;;
  kafka) "$here/need.sh" java default-jre-headless; kafka ;;
  *) sed -n '2,5s/^# \?//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
