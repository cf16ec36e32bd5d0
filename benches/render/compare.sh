#!/bin/sh
# An animatic of 5 s, 1080x1920, 24 frames a second, against ffmpeg's zoompan with libx264
# veryfast on the same picture: alternating runs, ratios of time, size, and SSIM of each against
# its own frames without loss. Needs ffmpeg, which Kinora itself never does.
#
#   benches/render/compare.sh PICTURE [RUNS]
set -eu
picture=${1:?usage: compare.sh PICTURE [RUNS]}
runs=${2:-5}
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$here"
bench=$(cargo bench --bench render --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"name":"render".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
cd - >/dev/null

zoom="zoompan=z='1+0.17*on/119':x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)':d=120:s=1080x1920:fps=24"
ours() { "$bench" "$picture" clip "$work/ours.mp4" >/dev/null; }
theirs() {
    ffmpeg -v error -y -i "$picture" -vf "$zoom" -frames:v 120 \
        -c:v libx264 -preset veryfast -pix_fmt yuv420p -movflags +faststart "$work/theirs.mp4"
}
seconds() {
    begun=$(date +%s%N)
    "$1"
    ended=$(date +%s%N)
    echo $(((ended - begun) / 1000000))
}

ours && theirs
i=0
while [ "$i" -lt "$runs" ]; do
    seconds ours >>"$work/ours.ms"
    seconds theirs >>"$work/theirs.ms"
    i=$((i + 1))
done

"$bench" "$picture" frames "$work/ours.yuv"
ffmpeg -v error -y -i "$picture" -vf "$zoom" -frames:v 120 -pix_fmt yuv420p "$work/theirs.yuv"
ssim() {
    ffmpeg -i "$work/$1.mp4" -f rawvideo -pix_fmt yuv420p -s 1080x1920 -r 24 -i "$work/$1.yuv" \
        -lavfi ssim -f null - 2>&1 | sed -n 's/.*All:\([0-9.]*\).*/\1/p'
}

best() { sort -n "$work/$1.ms" | head -n 1; }
median() { sort -n "$work/$1.ms" | sed -n "$(((runs + 1) / 2))p"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
size() { wc -c <"$work/$1.mp4" | tr -d ' '; }

printf '%-26s %12s %12s %10s\n' '' kinora ffmpeg ratio
printf '%-26s %12s %12s %10s\n' 'time, best of runs (ms)' "$(best ours)" "$(best theirs)" \
    "$(ratio "$(best ours)" "$(best theirs)")"
printf '%-26s %12s %12s %10s\n' 'time, median (ms)' "$(median ours)" "$(median theirs)" \
    "$(ratio "$(median ours)" "$(median theirs)")"
printf '%-26s %12s %12s %10s\n' 'size (bytes)' "$(size ours)" "$(size theirs)" \
    "$(ratio "$(size ours)" "$(size theirs)")"
printf '%-26s %12s %12s\n' 'SSIM' "$(ssim ours)" "$(ssim theirs)"
