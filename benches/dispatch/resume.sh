#!/usr/bin/env bash
# Going on with a ledger of 1,000,000 jobs: from the start of the program to its first effect.
#
#   benches/dispatch/resume.sh [SUBJECTS] [SHOTS] [FEW]      default 100000 10 50
#
# All jobs but a few are done; FEW are ready at the provider, FEW submitted, FEW never begun. The
# first effect is the first request that the provider sees, the first submission the first new job.
# Beside it GNU parallel's --resume over a job log of as many lines, to its first command.
set -euo pipefail
cd "$(dirname "$0")/../.."
subjects=${1:-100000} shots=${2:-10} few=${3:-50}
work=$PWD/target/dispatch/resume
rm -rf "$work"
mkdir -p "$work"
cargo build --release --locked --quiet --bin kinora --bench dispatch
bench=$(find target/release/deps -name 'dispatch-*' -type f -executable -printf '%T@ %p\n' |
    sort -n | tail -1 | cut -d' ' -f2)
python3 benches/large_catalogue.py "$work" "$subjects" "$shots" \
    'model: bench/clip, duration: 5, resolution: 720p, aspect: "1:1"'
cp -r benches/dispatch/workspace/providers benches/dispatch/workspace/models "$work"
"$bench" fill "$work" --few "$few"
ls -l "$work/.kinora/ledger.db" | awk '{printf "ledger: %.0f MB\n", $5 / 1e6}'
sync
python3 - "$bench" target/release/kinora "$work" "$((subjects * shots))" "$few" <<'PY'
import json, shutil, subprocess, sys, time, urllib.request
bench, kinora, work, jobs, few = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
db = f"{work}/.kinora/ledger.db"
subprocess.run(["cp", db, f"{work}/filled.db"], check=True)
for round in range(3):
    for old in (db, db + "-wal", db + "-shm"):
        subprocess.run(["rm", "-f", old], check=True)
    subprocess.run(["cp", f"{work}/filled.db", db], check=True)
    subprocess.run(["sync"], check=True)
    shutil.rmtree(f"{work}/clips", ignore_errors=True)
    server = subprocess.Popen([bench, "serve", "--port", "7979"], stdout=subprocess.PIPE)
    server.stdout.readline()
    begun = time.time()
    ended = subprocess.run([kinora, "run", work, "--yes"], capture_output=True, text=True)
    seconds = time.time() - begun
    stats = json.load(urllib.request.urlopen("http://127.0.0.1:7979/stats"))
    server.kill()
    server.wait()
    assert ended.returncode == 0, ended.stderr[-2000:] + ended.stdout[-2000:]
    assert stats["fetched"] == 3 * few and stats["submitted"] == few, stats
    effect, submission = (stats[k] / 1e6 - begun for k in ("first_us", "first_submission_us"))
    print(f"kinora: first effect {effect:.2f} s, first new submission {submission:.2f} s, "
          f"all of it {seconds:.2f} s")
with open(f"{work}/lines", "w") as lines, open(f"{work}/log", "w") as log:
    log.write("Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n")
    for n in range(1, jobs + 1):
        lines.write(f"{n}\n")
        if n <= jobs - few:
            log.write(f"{n}\t:\t1700000000.000\t     1.000\t0\t0\t0\t0\tdate +%s.%N {n}\n")
for round in range(3):
    subprocess.run(["cp", f"{work}/log", f"{work}/log.now"], check=True)
    begun = time.time()
    first = subprocess.Popen(
        ["parallel", "--will-cite", "-j1", "--resume", "--joblog", f"{work}/log.now",
         "-a", f"{work}/lines", "date +%s.%N #"], stdout=subprocess.PIPE, text=True)
    effect = float(first.stdout.readline()) - begun
    first.kill()
    first.wait()
    print(f"GNU parallel --resume: first effect {effect:.2f} s")
PY
rm -rf "$work"
