#!/usr/bin/env bash
# Installs the official clients, in the exact versions of requirements.txt and package.json, under
# target/clients (never committed). Needs Python 3.11 or newer with PyPI and, for the clients that
# are only recorded (`install.sh --node`), Node 20 or newer with the npm registry. Doing it again is
# quick.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/clients
venv=target/clients/venv
node=target/clients/npm
log=target/clients/install.log
mkdir -p target/clients

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "clients: Python 3.11 or newer is missing; the official clients can't be installed" >&2
    exit 1
fi

# PYTHON312 names a Python for the one client that needs a newer one.

python_clients() {
    [ -f "$venv/installed" ] && cmp -s "$here/requirements.txt" "$venv/installed" && return
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" \
        >"$log" 2>&1 || return 1
    cp "$here/requirements.txt" "$venv/installed"
}

vidu_client() { # left out where there is no Python 3.12; fails only where there is one
    local own=target/clients/vidu python
    [ -f "$own/installed" ] && cmp -s "$here/requirements-vidu.txt" "$own/installed" && return
    for python in "${PYTHON312:-python3.12}" python3.13 python3.14 python3 ''; do
        [ -n "$python" ] || { echo "clients: vidu-mcp is left out: it needs Python 3.12 (set PYTHON312)" >&2; return 0; }
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && break
    done
    "$python" -m venv --clear "$own" || return 1
    "$own/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements-vidu.txt" \
        >"$log" 2>&1 || return 1
    cp "$here/requirements-vidu.txt" "$own/installed"
}

node_clients() {
    cmp -s "$here/package.json" "$node/package.json" && [ -d "$node/node_modules" ] && return
    mkdir -p "$node"
    cp "$here/package.json" "$node/"
    npm install --prefix "$node" --no-audit --no-fund --no-package-lock --silent >"$log" 2>&1 && return
    rm "$node/package.json"
    return 1
}

if ! python_clients || ! vidu_client; then
    tail -n 5 "$log" >&2
    echo "clients: the clients could not be installed: is PyPI reachable? (all of it: $log)" >&2
    exit 1
fi
if [ "${1:-}" = --node ] && ! node_clients; then
    tail -n 5 "$log" >&2
    echo "clients: the clients on npm could not be installed: is there Node, is the registry reachable?" >&2
    exit 1
fi
