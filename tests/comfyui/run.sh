#!/usr/bin/env bash
# Kinora against a real ComfyUI server, on the processor, with nodes that need no weights:
# LoadImage, ImageScale, RepeatImageBatch, CreateVideo, SaveVideo.
#
#   tests/comfyui/run.sh [COMMAND...]
#
# First asks the server all that Kinora asks of one (probe.py), then runs COMMAND with COMFYUI_URL
# set; without one, `kinora run` on the workspace in this folder.
#
#   COMFYUI_URL    a server that runs already, for instance http://127.0.0.1:8188; or
#   COMFYUI_DIR    a checkout of ComfyUI (tried with 0.3.64), to be started here
#   COMFYUI_PYTHON the Python to start it with; else one is made in target/comfyui/venv with the
#                  packages of requirements.txt, from PyPI (about 7 GB)
#   COMFYUI_PORT   where to start it; else 8188, where the card looks for it
#
# Without a server and without a checkout, or where the packages can't be had, it says so and skips.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/comfyui
work=$PWD/target/comfyui

skip() {
    echo "comfyui: skipped: $1"
    exit 0
}

packages() { # makes a Python with what the server needs, once
    [ -f "$work/venv/installed" ] && cmp -s "$here/requirements.txt" "$work/venv/installed" && return
    echo "comfyui: installing its packages in target/comfyui/venv" >&2
    [ -x "$work/venv/bin/pip" ] || python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" \
        >"$work/install.log" 2>&1 || return 1
    cp "$here/requirements.txt" "$work/venv/installed"
}

start() { # starts the server of COMFYUI_DIR on the loopback address, and waits until it answers
    local port=${COMFYUI_PORT:-8188} log=$work/server.log
    COMFYUI_URL=http://127.0.0.1:$port
    if curl --silent --output /dev/null "$COMFYUI_URL"; then
        echo "comfyui: something answers on port $port already: stop it, or set COMFYUI_URL or COMFYUI_PORT" >&2
        exit 1
    fi
    # An empty page in place of ComfyUI's own, which is a package by itself.
    mkdir -p "$work/page" "$work/base"
    echo '<!doctype html>' >"$work/page/index.html"
    "$COMFYUI_PYTHON" "$COMFYUI_DIR/main.py" --cpu --listen 127.0.0.1 --port "$port" \
        --base-directory "$work/base" --database-url sqlite:///:memory: --front-end-root "$work/page" \
        --disable-api-nodes --disable-all-custom-nodes >"$log" 2>&1 &
    server=$!
    trap 'kill "$server" 2>/dev/null || true' EXIT
    for _ in $(seq 240); do
        curl --silent --fail --output /dev/null "$COMFYUI_URL/system_stats" && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 20 "$log" >&2
    echo "comfyui: the server didn't start (all of it: $log)" >&2
    exit 1
}

if [ -z "${COMFYUI_URL:-}" ]; then
    [ -n "${COMFYUI_DIR:-}" ] ||
        skip "no server: set COMFYUI_URL to a running one, or COMFYUI_DIR to a checkout of ComfyUI"
    [ -f "$COMFYUI_DIR/main.py" ] || skip "COMFYUI_DIR ($COMFYUI_DIR) is no checkout of ComfyUI: it has no main.py"
    mkdir -p "$work"
    if [ -z "${COMFYUI_PYTHON:-}" ]; then
        packages || skip "its packages could not be installed: is PyPI reachable? (see $work/install.log)"
        COMFYUI_PYTHON=$work/venv/bin/python
    fi
    start
fi

export COMFYUI_URL
python3 "$here/probe.py" "$COMFYUI_URL"

if [ $# -gt 0 ]; then
    "$@"
else
    rm -rf "$here/.kinora" "$here/clips"
    cargo run --quiet --bin kinora -- run "$here/manifest.yaml" --yes
    clip=$(find "$here/clips" -name '*.mp4' | head -n 1)
    [ -n "$clip" ] && [ "$(head -c 8 "$clip" | tail -c 4)" = ftyp ] || { echo "comfyui: no clip was made" >&2; exit 1; }
    echo "comfyui: made $clip"
fi
