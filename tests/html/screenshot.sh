#!/usr/bin/env bash
# Pictures of the HTML report as a real browser shows it, to be looked at.
#
#   tests/html/screenshot.sh [PAGE] [FOLDER]
#
# PAGE is an HTML report; without one, the page that `cargo test --test report_page` makes (with
# clips where there is ffmpeg; KINORA_PAGE_PICTURES=FOLDER gives it pictures).
# FOLDER takes the pictures (default: target/tmp/report-shots): desk and phone, light and dark.
# Without a headless Chromium it says so and ends well: looking is for people, not for CI.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
page=${1:-}
shots=${2:-$root/target/tmp/report-shots}

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
  echo "skipped: no Chromium on this machine (Debian: apt-get install chromium)"
  exit 0
fi
if [ -z "$page" ]; then
  (cd "$root" && KINORA_PAGE_CLIPS=1 cargo test --quiet --test report_page)
  page=$root/target/tmp/report-page/index.html
fi
page=$(realpath "$page")
mkdir -p "$shots"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

# Without motion the posters show, so that two runs give the same picture; look.mjs has the clips
# playing.
# shoot NAME WIDTH HEIGHT [flag…]
shoot() {
  local name=$1 size=$2,$3
  shift 3
  "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$profile" --hide-scrollbars --force-prefers-reduced-motion \
    --window-size="$size" --screenshot="$shots/$name.png" "$@" "file://$page" 2>/dev/null
  echo "$shots/$name.png"
}
shoot desk 1280 1700
shoot desk-dark 1280 1700 --blink-settings=preferredColorScheme=0
# Chromium makes no window narrower than 500 pixels; look.mjs shows the page at phone width.
