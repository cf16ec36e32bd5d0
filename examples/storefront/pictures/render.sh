#!/usr/bin/env bash
#
# render.sh - renders every picture of this catalogue into ../images
#
#   ./render.sh            all pictures
#   ./render.sh mug        only pictures whose path contains "mug"
#
# Needs (Debian names): povray povray-includes python3-numpy python3-pil
#   imagemagick (contact sheet) fonts-lato fonts-quicksand fonts-ebgaramond
# PYTHON selects another interpreter, JOBS how many pictures render at a time.
#
# The result is the same pixel for pixel from run to run: jitter is off, and
# each picture renders on one thread, the only mode in which POV-Ray's radiosity
# repeats exactly. Several pictures run side by side instead.
set -euo pipefail
cd "$(dirname "$0")"
PYTHON=${PYTHON:-python3}
JOBS=${JOBS:-$(nproc)}
ONLY=${1:-}
OUT=../images
mkdir -p build
"$PYTHON" labels.py

# picture <scene> <view> <width> <height> <target> [exposure [white]]
picture() {
  [[ "$5" == *"$ONLY"* ]] || return 0
  while (($(jobs -rp | wc -l) >= JOBS)); do wait -n || exit 1; done
  render "$@" &
}

render() {
  local target="$OUT/$5"
  mkdir -p "$(dirname "$target")"
  local t0=$SECONDS
  nice -n 10 povray +I"$1.pov" +O"build/$1-$2.ppm" +FP16 File_Gamma=1.0 \
    +W"$3" +H"$4" Antialias_Depth=2 +A0.12 +AM1 -J +HR +WT1 \
    Declare=View="$2" -D -V >"build/$1-$2.log" 2>&1 || { tail -20 "build/$1-$2.log"; exit 1; }
  "$PYTHON" finish.py "build/$1-$2.ppm" "$target" "${6:-1}" "${7:-}"
  rm -f "build/$1-$2.ppm"
  printf '%-32s %4ss %6s kB\n' "$5" $((SECONDS - t0)) $(($(stat -c %s "$target") / 1024))
}

packshot() { picture "$1" "$2" 1000 1000 "$3" 1 white; }

# pack shots
packshot mug-terra      1 mug-terra/front.jpg
packshot mug-terra      2 mug-terra/detail-1.jpg
packshot mug-terra      3 mug-terra/detail-2.jpg
packshot candle-amber   1 candle-amber/front.jpg
packshot candle-amber   2 candle-amber/detail-1.jpg
packshot dropper-linnea 1 dropper-linnea/front.jpg
packshot dropper-linnea 2 dropper-linnea/detail-1.jpg
packshot dropper-linnea 3 dropper-linnea/detail-2.jpg
packshot teapot-blabar  1 teapot-blabar/front.jpg
packshot teapot-blabar  2 teapot-blabar/detail-1.jpg
packshot lamp-lykta     1 lamp-lykta/front.jpg
packshot lamp-lykta     2 lamp-lykta/lit.jpg
packshot lamp-lykta     3 lamp-lykta/detail-1.jpg
packshot box-skrin      1 box-skrin/front.jpg
packshot box-skrin      2 box-skrin/open.jpg
packshot box-skrin      3 box-skrin/detail-1.jpg
packshot car-tuff       1 car-tuff/front.jpg
packshot car-tuff       2 car-tuff/detail-1.jpg
packshot watch-timme    1 watch-timme/front.jpg
packshot watch-timme    2 watch-timme/detail-1.jpg
# people
picture cast           1  900 1200 cast/mia.jpg
picture cast           2  900 1200 cast/jonas.jpg
picture cast           3  900 1200 cast/mia-full.jpg
# rooms
picture studio-shelf   1 1600  900 scene/studio-shelf.jpg 1.1
picture studio-shelf   2 1600  900 scene/studio-shelf-evening.jpg 1.3

while (($(jobs -p | wc -l) > 0)); do wait -n || exit 1; jobs >/dev/null; done

if [[ -z "$ONLY" ]]; then
  (cd "$OUT" && montage -label '%d/%t' */*.jpg -tile 6x -geometry 300x300+8+8 \
    -background '#e9e7e3' -font Lato-Regular -pointsize 15 -depth 8 -colors 256 ../contact.png)
fi
echo "total ${SECONDS}s"
