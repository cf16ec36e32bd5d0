#!/usr/bin/env bash
# Full dispatch: Kinora, the same steps by asyncio, and the bare requests by wrk, against one server.
#
#   benches/dispatch/compare.sh [JOBS] [ROUNDS]      default 20000 3
#
# All three take turns against the same provider on the same disk. Needs wrk and python3 with venv.
# The peer makes fewer jobs, because it is slow; its rate does not depend on how many.
set -euo pipefail
cd "$(dirname "$0")/../.."
jobs=${1:-20000} rounds=${2:-3} in_flight=${IN_FLIGHT:-512}
work=$PWD/target/dispatch
mkdir -p "$work"
[ -x "$work/venv/bin/python" ] || {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet aiohttp
}
cargo build --release --locked --quiet --bench dispatch
bench=$(find target/release/deps -name 'dispatch-*' -type f -executable -printf '%T@ %p\n' |
    sort -n | tail -1 | cut -d' ' -f2)

"$bench" serve >"$work/port" &
server=$!
trap 'kill $server; rm -rf "$work"/peer* "$work"/.tmp*' EXIT
until [ -s "$work/port" ]; do sleep 0.1; done
port=$(cat "$work/port")

peer() {
    rm -rf "$work/peer"
    "$work/venv/bin/python" benches/dispatch/asyncio_peer.py "$port" "$1" "$work/peer" 64 "$2"
    rm -rf "$work/peer"
    sync
}
for ((round = 1; round <= rounds; round++)); do
    echo "round $round of $rounds" >&2
    echo "kinora: $("$bench" --jobs "$jobs" --in-flight "$in_flight" --port "$port" \
        --server "$server" --folder "$work" | head -1)"
    sync
    echo "asyncio: $(peer "$((jobs / 10))" FULL)"
    echo "asyncio, synchronous NORMAL: $(peer "$((jobs / 4))" NORMAL)"
    wrk -t1 -c64 -d5s -s benches/dispatch/mix.lua "http://127.0.0.1:$port" |
        awk '/Requests\/sec/ {printf "wrk: %.0f jobs/s; %.0f requests a second\n", $2 / 3, $2}'
done | tee "$work/rounds"

python3 - "$work/rounds" <<'PY'
import re, sys
rates = {}
for line in open(sys.argv[1]):
    name, rest = line.split(": ", 1)
    rates.setdefault(name, []).append(int(re.match(r"(\d+) jobs/s", rest)[1]))
ours = rates["kinora"]
print(f"\n{'':30} {'worst':>8} {'best':>8}   kinora to it, worst and best of the rounds")
for name, found in rates.items():
    ratios = [a / b for a, b in zip(ours, found)]
    print(f"{name:30} {min(found):8} {max(found):8}   {min(ratios):.2f} {max(ratios):.2f}")
PY
