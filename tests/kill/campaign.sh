#!/bin/sh
# Kills the real program KILLS times over a plan of JOBS jobs, against simulated providers with
# faults on, and holds the ledger and the clips against the providers' bills.
#
#   tests/kill/campaign.sh [KILLS] [JOBS] [SEED]
#
# The same seed draws the same lives and the same faults; what meets what also depends on the
# machine. A campaign that fails leaves its folder: ledger, bills, clips and what the runs said.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
cargo build --release --bin kinora
KINORA_KILLS=${1:-500} KINORA_KILL_JOBS=${2:-2000} KINORA_KILL_SEED=${3:-1} \
    KINORA_KILL_PROGRAM=$target/release/kinora \
    exec cargo test --test kill -- --nocapture --exact \
    nothing_is_paid_twice_or_lost_however_often_the_run_is_killed
