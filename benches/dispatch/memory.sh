#!/usr/bin/env bash
# Memory of a run over a large plan: starts one, lets it dispatch, stops it cleanly.
#
#   benches/dispatch/memory.sh [SUBJECTS] [SHOTS] [SECONDS]      default 100000 10 60
#
# Prints the resident set's peak while planning and dispatching, and how far the run got. The
# clips are tiny, so that as much as possible is dispatched.
set -euo pipefail
cd "$(dirname "$0")/../.."
subjects=${1:-100000} shots=${2:-10} seconds=${3:-60}
cargo build --release --locked --quiet
kinora=$PWD/target/release/kinora
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 benches/large_catalogue.py "$work" "$subjects" "$shots" \
    'model: animatic, duration: 0.5, resolution: 240p, fps: 12, aspect: "1:1"'
"$kinora" check "$work" >/dev/null 2>&1
python3 - "$kinora" "$work" "$seconds" <<'PY'
import signal, subprocess, sys, time
kinora, work, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3])
log = open(f"{work}/run.log", "w")
process = subprocess.Popen([kinora, "run", work, "--yes"], stdout=log, stderr=log)
peak, deadline = 0, time.monotonic() + seconds
while time.monotonic() < deadline and process.poll() is None:
    for line in open(f"/proc/{process.pid}/status"):
        if line.startswith("VmHWM"):
            peak = int(line.split()[1])
    time.sleep(0.5)
process.send_signal(signal.SIGINT)
code = process.wait(timeout=120)
print(open(f"{work}/run.log").read()[-600:])
print(f"exit code {code}; peak resident set {peak / 1024:.0f} MiB")
PY
"$kinora" status "$work"
