#!/bin/sh
# Linux and macOS: installs CNN Lab from this folder, without a network, and starts it.
cd "$(dirname "$0")" || exit 1
for python in python3.VERSION python3 python; do
    if command -v "$python" >/dev/null 2>&1; then exec "$python" start.py "$@"; fi
done
echo "Python was not found: install Python VERSION_WHOLE first. 未找到 Python：请先安装 Python VERSION_WHOLE。" >&2
exit 1
