#!/usr/bin/env bash
# Memory with many jobs in flight at once: the provider holds every job until all are submitted.
#
#   benches/dispatch/in_flight.sh [JOBS] [SECONDS]      default 20000 60
#
# SECONDS is for how long the provider holds a job; it must be more than submitting all takes, or
# they are not all in flight at once. Prints the client's peak resident set.
set -euo pipefail
cd "$(dirname "$0")/../.."
jobs=${1:-20000} seconds=${2:-60}
work=$PWD/target/dispatch
mkdir -p "$work"
cargo build --release --locked --quiet --bench dispatch
bench=$(find target/release/deps -name 'dispatch-*' -type f -executable -printf '%T@ %p\n' |
    sort -n | tail -1 | cut -d' ' -f2)
# Polled every 5 s, as most providers want it.
"$bench" --jobs "$jobs" --in-flight "$jobs" --delay-ms "$((seconds * 1000))" --poll-every 5 \
    --folder "$work"
