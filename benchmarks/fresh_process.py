"""Runs a job of `benchmarks.contestants` in a fresh process. Imports no torch, so that it takes no memory from the contestants."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from benchmarks.results_page import ROOT

_PATIENCE = 1800.0  # seconds; a job that takes longer is skipped, so that the others' figures are not lost


def answer(job: dict[str, Any], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The answer of the process to `job`, with these variables too; {"skipped": reason} if it fails or hangs."""
    with tempfile.TemporaryDirectory() as compiled:
        fresh = {"TORCHINDUCTOR_CACHE_DIR": f"{compiled}/inductor", "TRITON_CACHE_DIR": f"{compiled}/triton"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.contestants"],
                cwd=ROOT,
                env={**os.environ, **fresh, **(_environment_of_runs() if job["kind"] == "ours" else {}), **(environment or {})},
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
        errors = done.stderr.strip().splitlines()
        print(done.stderr, file=sys.stderr)
        return {"skipped": f"failed: {errors[-1][:200] if errors else f'exit status {done.returncode}'}"}
    return json.loads(done.stdout.strip().splitlines()[-1])


def _environment_of_runs() -> dict[str, str]:
    try:
        from cnnlab.system.processes import thread_wait_environment  # noqa: PLC0415  # needs psutil
    except ImportError:
        return {}
    return thread_wait_environment()
