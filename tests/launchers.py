"""Launchers that start the training program on this machine, as srun or ssh would on another one, and a Slurm that only answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NODE = f"env PYTHONPATH={ROOT} {sys.executable} {Path(__file__).with_name('fake_node.py')}"


def executors(home: Path, launcher: str = "env", **settings: object) -> None:
    """Writes the host's file with one executor, "cluster"."""
    values = {"launcher": launcher, "python": sys.executable, "program": str(ROOT), "device": "cpu", "slots": 2} | settings
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    home.mkdir(parents=True, exist_ok=True)
    (home / "executors.toml").write_text("\n".join(["[executors.cluster]", *lines]) + "\n")


def fake_slurm(folder: Path) -> str:
    """The prefix `ask` of a Slurm whose squeue prints the file "squeue" in `folder`; scancel notes its arguments in "cancelled"."""
    program = folder / "slurm"
    program.write_text(
        "#!/bin/sh\n"
        f'case "$1" in squeue) cat {folder}/squeue 2>/dev/null || {{ echo "slurm_load_jobs error" >&2; exit 1; }};;'
        f' scancel) echo "$@" >> {folder}/cancelled;; esac\n'
    )
    program.chmod(0o700)
    return str(program)
