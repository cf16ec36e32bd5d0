#!/usr/bin/env bash
# Runs fuzz targets for a time each, one after another, and keeps a minimised corpus.
#
#     fuzz/run.sh 600                 every target, ten minutes each
#     fuzz/run.sh 600 picture clip    these
#
# Needs cargo-fuzz (`cargo install cargo-fuzz`); a stable toolchain is enough.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?how many seconds for each target}
shift
export RUSTC_BOOTSTRAP=1
python3 seed.py
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
for target in "${targets[@]}"; do
    dictionary=()
    [ -f "dictionaries/$target" ] && dictionary=("-dict=dictionaries/$target")
    # The AV1 decoder keeps 48 bytes of each picture that it gives, so leaks of pictures tell nothing.
    leaks=()
    [ "$target" = picture ] && leaks=(-detect_leaks=0)
    echo "== $target ($(date -u +%T))"
    mkdir -p "work/$target"
    # New inputs go to work/ first; what adds coverage is merged into the corpus afterwards.
    cargo fuzz run -O --debug-assertions "$target" "work/$target" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len=49152 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 "${leaks[@]}" "${dictionary[@]}" 2>&1 | tee "work/$target.log" |
        grep -E '^stat::|BINGO|SUMMARY|Test unit' || true
    grep -q 'Done [0-9]* runs' "work/$target.log" || { tail -40 "work/$target.log"; exit 1; }
    # Lines of the program that no other input reaches, not how often: a corpus for a repository.
    mv "corpus/$target" "work/$target.before"
    mkdir "corpus/$target"
    cargo fuzz run -O --debug-assertions "$target" -- -merge=1 -use_counters=0 -max_len=16384 "${leaks[@]}" \
        "corpus/$target" "work/$target.before" "work/$target" > "work/$target.merge.log" 2>&1
    rm -r "work/$target.before"
    find "corpus/$target" -type f | wc -l | xargs echo "kept in corpus/$target:"
done
