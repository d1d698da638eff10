#!/bin/sh
# Runs xp from the checkout: with the compiled modules where `make compile` made them and no source
# is newer, otherwise as plain Python. XP_COMPILED=0 asks for plain Python.
root='@ROOT@'
tree=$root
if [ "${XP_COMPILED:-1}" != 0 ] && [ -f "$root/.compiled/stamp" ]; then
    rooms="schemas broker processor projections gateway notifier ops"
    newer=$(cd "$root" && find $rooms -type f ! -path '*/__pycache__/*' -newer .compiled/stamp | head -n 1)
    [ -n "$newer" ] || tree=$root/.compiled
fi
export PYTHONPATH="$tree"
exec "$root/.venv/bin/python" -P -m ops "$@"
