"""A job of `benchmarks.contestants` in a process of its own. Imports no torch itself, so that it weighs on no contestant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.results_page import ROOT

_PATIENCE = 1800.0  # seconds; what hangs longer is skipped, so that the others' figures are not lost


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """What the process says of `job`; {"skipped": why} where it failed or hangs."""
    with tempfile.TemporaryDirectory() as compiled:
        fresh = {"TORCHINDUCTOR_CACHE_DIR": f"{compiled}/inductor", "TRITON_CACHE_DIR": f"{compiled}/triton"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.contestants"],
                cwd=ROOT,
                env={**os.environ, **fresh, **(_environment_of_runs() if job["kind"] == "ours" else {})},
                input=json.dumps(job),
                check=False,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_PATIENCE,
            )
        except subprocess.TimeoutExpired:
            return {"skipped": f"not done after {_PATIENCE:,.0f} s"}
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        print(done.stderr, file=sys.stderr)
        return {"skipped": f"failed: {said[-1][:200] if said else f'exit status {done.returncode}'}"}
    return json.loads(done.stdout.strip().splitlines()[-1])


def _environment_of_runs() -> dict[str, str]:
    try:
        from cnnlab.system.processes import patience  # noqa: PLC0415  # needs psutil
    except ImportError:
        return {}
    return patience()
