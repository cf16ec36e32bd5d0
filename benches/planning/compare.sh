#!/usr/bin/env bash
# Planning a large catalogue, beside `ninja -n` over as many edges, in one run.
#
#   benches/planning/compare.sh [SUBJECTS] [SHOTS]      default 100000 10
#
# Prints jobs/s, wall time and peak memory of: the first plan (pictures already in the ledger's
# cache), the no-op plan after it, and ninja's dry run. Needs ninja and GNU time to compare
# with; without them those lines are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
subjects=${1:-100000} shots=${2:-10}
jobs=$((subjects * shots))
kinora=$PWD/target/release/kinora
[ -x "$kinora" ] || cargo build --release --locked
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/images"
picture=$(ls examples/storefront/images/*/front.jpg | head -1)
# As many different files as subjects, with the same few bytes: what is measured is planning.
echo "making $subjects subjects with a picture each ..."
python3 - "$work" "$subjects" "$shots" "$picture" <<'PY'
import os, sys
work, subjects, shots, picture = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
for i in range(subjects):
    if i % 1000 == 0:
        folder = f"{work}/images/{i // 1000}"
        os.makedirs(folder)
        with open(picture, "rb") as f, open(f"{folder}/source.jpg", "wb") as g:
            g.write(f.read())
    os.link(f"{folder}/source.jpg", f"{folder}/p{i}.jpg")
with open(f"{work}/products.csv", "w") as f:
    f.write("sku,folder,title,colour,price,tags\n")
    for i in range(subjects):
        f.write(f'p{i},{i // 1000},"Product {i}, the {i % 7}th",colour-{i % 31},{i % 300}.50,"new,spring"\n')
with open(f"{work}/kinora.yaml", "w") as f:
    f.write("""kinora: 1
name: large
subjects:
  products:
    kind: product
    from: products.csv
    id: "{{ sku }}"
    references:
      - {name: hero, image: "images/{{ folder }}/{{ sku }}.jpg"}
shots:
""")
    for s in range(shots):
        f.write(f"""  - id: shot-{s}
    for: products
    where: price >= 0
    prompt: "{{{{ title }}}} in {{{{ colour }}}}, @hero turns slowly on marble {s}, the camera pushes in"
""")
with open(f"{work}/build.ninja", "w") as f:
    f.write("rule clip\n  command = make-clip $in $out\n")
    for i in range(subjects):
        for s in range(shots):
            f.write(f"build clips/{s}/p{i}.mp4: clip images/{i // 1000}/p{i}.jpg\n")
PY

# Runs a command; prints seconds, peak MiB and jobs a second.
measure() { # $1: label, rest: command
    local label=$1; shift
    python3 - "$label" "$jobs" "$@" <<'PY'
import os, resource, subprocess, sys, time
label, jobs, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
start = time.monotonic()
process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.monotonic() - start
if os.waitstatus_to_exitcode(status) != 0:
    sys.exit(f"{label}: failed\n{process.stderr.read().decode()}")
print(f"{label:<28} {seconds:8.2f} s {usage.ru_maxrss / 1024:8.0f} MiB {jobs / seconds:12,.0f} jobs/s", flush=True)
open(f"/tmp/kinora-bench-{os.getppid()}", "a").write(f"{seconds}\n")
PY
}
times=/tmp/kinora-bench-$$
rm -f "$times"

"$kinora" check "$work" --limit jobs=$((jobs + 1)) >/dev/null 2>&1 || true # fills the cache of pictures
rm -f "$work"/.kinora/plans 2>/dev/null || true
measure "first plan"  "$kinora" plan "$work" --format text --limit jobs=$((jobs + 1))
measure "no-op plan"  "$kinora" plan "$work" --format text --limit jobs=$((jobs + 1))
if command -v ninja >/dev/null; then
    measure "ninja -n" ninja -C "$work" -n
fi
python3 - "$times" <<'PY'
import sys
t = [float(x) for x in open(sys.argv[1])]
print(f"no-op plan is {t[0] / t[1]:.1f} times as fast as the first")
if len(t) > 2:
    print(f"first plan against ninja -n: {t[2] / t[0]:.2f} times as fast")
PY
rm -f "$times"
