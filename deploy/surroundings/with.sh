#!/usr/bin/env bash
# Runs a command with a real Kafka and the real ClickHouse engine, and stops both when it ends, however it ends:
#   with.sh go test ./...
# The command finds them in HIJACKD_TEST_KAFKA (host:port) and HIJACKD_TEST_CLICKHOUSE (a DSN). Where these are set
# already, those servers are used. What is missing is fetched; what cannot be fetched is an error.
set -euo pipefail
set -m # each child is a process group of its own: Ctrl-C reaches this script, which ends the command, then the servers

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
[[ $# -gt 0 ]] || { sed -n '2,5s/^# \?//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
command -v go >/dev/null || { echo "go is missing: see go.dev/doc/install" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/hijackd-surroundings.XXXXXX")
servers=() child=

stop() {
  trap - EXIT INT TERM HUP
  exec 2>/dev/null # what follows is the shell's talk about ended jobs
  [[ -z $child ]] || end "$child"
  for pid in "${servers[@]}"; do end "$pid"; done
  rm -rf "$work"
}

# end PID: ends a process group, by force after ten seconds.
end() {
  kill -TERM -- "-$1" 2>/dev/null || return 0
  for _ in {1..100}; do
    kill -0 -- "-$1" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# free_port: one on loopback below those that the kernel hands out to clients.
free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  echo "no free port found" >&2
  exit 1
}

# ready WHAT PID LOG COMMAND...: waits until the command succeeds; a server that ends meanwhile is an error.
ready() {
  local what=$1 pid=$2 log=$3
  shift 3
  for _ in {1..1200}; do
    "$@" 2>/dev/null && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "$what did not start:" >&2
  tail -n 20 "$log" >&2
  exit 1
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

start_kafka() {
  local jars port controller
  jars=$("$here/fetch.sh" kafka)
  port=$(free_port) controller=$(free_port)
  sed -e "s|@PORT@|$port|g; s|@CONTROLLER@|$controller|g; s|@DATA@|$work/kafka|g" "$here/kafka.properties" >"$work/kafka.properties"
  java -XX:TieredStopAtLevel=1 -cp "$jars/*" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ \
    -c "$work/kafka.properties" >"$work/kafka.log" 2>&1 || { cat "$work/kafka.log" >&2; exit 1; }
  java -Xms128m -Xmx512m -cp "$jars/*" kafka.Kafka "$work/kafka.properties" >"$work/kafka.log" 2>&1 </dev/null &
  servers+=($!)
  ready "Apache Kafka" $! "$work/kafka.log" answers "$port"
  export HIJACKD_TEST_KAFKA=127.0.0.1:$port
  local jar
  jar=$(basename "$jars"/kafka_*.jar .jar)
  echo "Apache Kafka ${jar##*-} on $HIJACKD_TEST_KAFKA" >&2
}

start_clickhouse() {
  local line
  "$work/bin/hijackd-engine" -path "$work/clickhouse" -tcp "127.0.0.1:$(free_port)" -http "127.0.0.1:$(free_port)" \
    >"$work/engine.out" 2>"$work/engine.log" </dev/null &
  servers+=($!)
  ready "the ClickHouse engine" $! "$work/engine.log" test -s "$work/engine.out"
  line=$(<"$work/engine.out")
  # shellcheck disable=SC2001 # a pattern with a group
  field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/" <<<"$line"; }
  export HIJACKD_TEST_CLICKHOUSE="clickhouse://$(field tcp)/default"
  export HIJACKD_TEST_CLICKHOUSE_HTTP="$(field http)/default"
  echo "ClickHouse engine $(field version) on $HIJACKD_TEST_CLICKHOUSE and $HIJACKD_TEST_CLICKHOUSE_HTTP" >&2
}

# The engine's own tests need binary and library also where another ClickHouse is used.
if [[ -z ${HIJACKD_LIBCHDB-} ]]; then
  HIJACKD_LIBCHDB=$("$here/fetch.sh" engine)/libchdb.so
  export HIJACKD_LIBCHDB
fi
(cd "$root" && CGO_ENABLED=0 go build -trimpath -o "$work/bin/hijackd-engine" ./cmd/hijackd-engine)
export PATH="$work/bin:$PATH"

if [[ -n ${HIJACKD_TEST_KAFKA-} ]]; then
  echo "using the Kafka of HIJACKD_TEST_KAFKA, $HIJACKD_TEST_KAFKA" >&2
else
  start_kafka
fi
if [[ -n ${HIJACKD_TEST_CLICKHOUSE-} ]]; then
  echo "using the ClickHouse of HIJACKD_TEST_CLICKHOUSE" >&2 # the DSN may hold a password
else
  start_clickhouse
fi

"$@" &
child=$!
code=0
wait "$child" || code=$?
child=
exit "$code"
