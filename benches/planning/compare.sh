#!/usr/bin/env bash
# Planning a large catalogue, beside `ninja -n` over as many edges, in one run.
#
#   benches/planning/compare.sh [SUBJECTS] [SHOTS]      default 100000 10
#
# Prints wall time, peak memory and jobs/s of: the first plan (pictures already in the ledger's
# cache), the no-op plan after it, and ninja's dry run. Each is measured three times, in turn,
# and the best is compared. Needs python3; without ninja its line is left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
subjects=${1:-100000} shots=${2:-10}
cargo build --release --locked --quiet
kinora=$PWD/target/release/kinora
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "making $subjects subjects with a picture each, $shots shots ..."
python3 benches/large_catalogue.py "$work" "$subjects" "$shots"
python3 - "$work" "$subjects" "$shots" <<'PY'
import sys
work, subjects, shots = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(f"{work}/build.ninja", "w") as f:
    f.write("rule clip\n  command = make-clip $in $out\n")
    for i in range(subjects):
        for s in range(shots):
            f.write(f"build clips/{s}/p{i}.mp4: clip images/{i // 1000}/p{i}.jpg\n")
PY

# Fills the cache of picture facts, and nothing else.
"$kinora" check "$work" >/dev/null 2>"$work/check.log" || { cat "$work/check.log"; exit 1; }
cp -r "$work/.kinora" "$work/ledger-before"

python3 - "$kinora" "$work" $((subjects * shots)) <<'PY'
import os, shutil, subprocess, sys, time
kinora, work, jobs = sys.argv[1], sys.argv[2], int(sys.argv[3])

def measure(label, command):
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{label}: failed\n{errors.decode()}")
    peak = usage.ru_maxrss / 1024
    print(f"{label:<12} {seconds:7.2f} s {peak:7.0f} MiB {jobs / seconds:12,.0f} jobs/s", flush=True)
    return seconds

best = {}
for _ in range(3):
    shutil.rmtree(f"{work}/.kinora")
    shutil.copytree(f"{work}/ledger-before", f"{work}/.kinora")
    runs = [("first plan", [kinora, "plan", work]), ("no-op plan", [kinora, "plan", work])]
    if shutil.which("ninja"):
        runs.append(("ninja -n", ["ninja", "-C", work, "-n", "--quiet"]))
    for label, command in runs:
        best[label] = min(best.get(label, 1e9), measure(label, command))

print(f"\nbest of three: first plan {jobs / best['first plan']:,.0f} jobs/s; "
      f"the no-op plan is {best['first plan'] / best['no-op plan']:.1f} times as fast as the first")
if "ninja -n" in best:
    print(f"against ninja -n over as many edges: first plan {best['ninja -n'] / best['first plan']:.2f} times "
          f"as fast, no-op plan {best['ninja -n'] / best['no-op plan']:.2f} times")
PY
