#!/usr/bin/env bash
# Drives `kinora simulate` with the official clients of requirements.txt, each unmodified but for
# its address: submit, poll to the end, fetch. Prints a table; exits with 1 when a step failed.
#
#   tests/clients/drive.sh [NAME...] [--all]
#
# KINORA names the program; without it, it is built here.
set -euo pipefail
cd "$(dirname "$0")/../.."

tests/clients/install.sh
if [ -z "${KINORA:-}" ]; then
    cargo build --quiet --bin kinora
    KINORA=target/debug/kinora
fi
exec target/clients/venv/bin/python tests/clients/drive.py --simulator "$KINORA simulate" "$@"
