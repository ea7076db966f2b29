#!/bin/sh
# Backs up a lab, also while runs train: ./backup.sh HOME FILE.tar. PYTHON names the lab's Python.
# The record comes first: a checkpoint that is newer than the record is added to it when its run is resumed.
set -eu
if [ $# -ne 2 ] || [ ! -f "$1/lab.sqlite" ]; then
    echo "Usage: backup.sh HOME FILE.tar, where HOME is a lab's folder, with lab.sqlite in it." >&2
    exit 2
fi
home=$1
file=$2
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${PYTHON:-/opt/cnnlab/.venv/bin/python}" - "$home/lab.sqlite" "$work/lab.sqlite" <<'END'
import sqlite3, sys
from contextlib import closing
from pathlib import Path

with closing(sqlite3.connect(f"{Path(sys.argv[1]).absolute().as_uri()}?mode=ro", uri=True)) as source:
    with closing(sqlite3.connect(sys.argv[2])) as copy:
        source.backup(copy)
        if (answer := copy.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            sys.exit(f"The copy of the record is damaged: {answer}")
END

tar -cf "$file.new" -C "$work" lab.sqlite
# Left out: keys and addresses of processes, compiled networks, downloads, logs, and the record that is open.
# tar ends with 1 where a file grew while it was read; those are lists that a resumed run cuts to what it knows.
tar -rf "$file.new" -C "$home" --exclude=./private --exclude=./compiled --exclude=./data --exclude='./lab.sqlite*' \
    --exclude='./*.log' --exclude='*.partial' --exclude='*.new' --warning=no-file-changed . || [ $? -eq 1 ]
mv "$file.new" "$file"
