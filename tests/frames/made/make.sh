#!/bin/sh
# Makes the clips of this folder anew. Needs ffmpeg with x264, x265, libvpx and libaom.
set -eu
cd "$(dirname "$0")"
corner='lt(X,W/2)*lt(Y,H/2)'
make() { # name, frames, size, filter, then arguments of the encoder
    name=$1 frames=$2 size=$3 filter=$4; shift 4
    ffmpeg -loglevel error -y -bitexact -f lavfi -i "color=black:s=$size:r=24,format=yuv420p,geq=lum='if($corner,81,16+4*N)':cb='if($corner,90,128)':cr='if($corner,240,128)'$filter" \
        -frames:v "$frames" "$@" "$name"
}
x264="-c:v libx264 -crf 20"
b="-x264-params bframes=3:b-pyramid=normal:keyint=20:min-keyint=20:scenecut=0:open-gop=0"
make b_frames.mp4 48 64x48 '' $x264 $b
make fragments.mp4 48 64x48 '' $x264 $b -movflags frag_keyframe+empty_moov+default_base_moof
make hev1.mp4 24 64x48 '' -c:v libx265 -x265-params log-level=none -crf 20 -tag:v hev1
make ten_bits.mp4 12 64x48 ',format=yuv420p10le' $x264
make interlaced.mp4 12 64x48 '' $x264 -flags +ildct+ilme
make mp4v.mp4 12 64x48 '' -c:v mpeg4 -q:v 8
make vp09.mp4 12 64x48 '' -c:v libvpx-vp9 -crf 30 -b:v 0
make av01.mp4 24 64x48 '' -c:v libaom-av1 -cpu-used 8 -crf 20
make anamorphic.mp4 12 64x48 ',setsar=3/2' $x264
# Luma and chroma of full range by BT.601, and said so in the stream.
make full_range.mp4 12 64x48 '' $x264 -x264-params fullrange=on:colormatrix=smpte170m
make tiny.mp4 12 2x2 '' $x264
make huge.mp4 1 8192x8192 '' $x264 -x264-params ref=1:rc-lookahead=1:aq-mode=0
make plain.mp4 12 64x48 '' $x264
ffmpeg -loglevel error -y -bitexact -i plain.mp4 -c copy -metadata:s:v:0 rotate=270 turned.mp4
# Its frames change their size halfway.
make one.264 12 64x48 '' $x264 -bf 0 -f h264
make two.264 12 96x80 '' $x264 -bf 0 -f h264
cat one.264 two.264 > both.264
ffmpeg -loglevel error -y -bitexact -r 24 -f h264 -i both.264 -c copy resized.mp4
rm one.264 two.264 both.264 plain.mp4
