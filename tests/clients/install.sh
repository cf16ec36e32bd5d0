#!/usr/bin/env bash
# Installs the official clients, in the exact versions of requirements.txt, under target/clients
# (never committed). Needs Python 3.11 or newer and PyPI. Doing it again is quick.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/clients
venv=target/clients/venv
log=target/clients/install.log
mkdir -p target/clients

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "clients: Python 3.11 or newer is missing; the official clients can't be installed" >&2
    exit 1
fi
if [ -f "$venv/installed" ] && cmp -s "$here/requirements.txt" "$venv/installed"; then
    exit 0
fi
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "clients: the official clients could not be installed: is PyPI reachable? (all of it: $log)" >&2
    exit 1
fi
cp "$here/requirements.txt" "$venv/installed"
echo "clients: installed in $venv"
