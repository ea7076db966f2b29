#!/usr/bin/env bash
# Ends what start.sh DIR has started; munged stays.
set -u
dir=$(realpath -m "${1:?the folder given to start.sh}")
for file in "$dir/slurmd.pid" "$dir/slurmctld.pid"; do
    [ -f "$file" ] && kill "$(cat "$file")" 2>/dev/null
done
exit 0
