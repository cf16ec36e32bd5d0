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

python_clients() {
    [ -f "$venv/installed" ] && cmp -s "$here/requirements.txt" "$venv/installed" && return
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" \
        >"$log" 2>&1 || return 1
    cp "$here/requirements.txt" "$venv/installed"
}

node_clients() {
    cmp -s "$here/package.json" "$node/package.json" && [ -d "$node/node_modules" ] && return
    mkdir -p "$node"
    cp "$here/package.json" "$node/"
    npm install --prefix "$node" --no-audit --no-fund --no-package-lock --silent >"$log" 2>&1 && return
    rm "$node/package.json"
    return 1
}

if ! python_clients; then
    tail -n 5 "$log" >&2
    echo "clients: the clients could not be installed: is PyPI reachable? (all of it: $log)" >&2
    exit 1
fi
if [ "${1:-}" = --node ] && ! node_clients; then
    tail -n 5 "$log" >&2
    echo "clients: the clients on npm could not be installed: is there Node, is the registry reachable?" >&2
    exit 1
fi
