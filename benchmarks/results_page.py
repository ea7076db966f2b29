"""Shared by all benchmarks: the description of the machine, and writing a section into a page of docs/."""

from __future__ import annotations

import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "benchmarks" / "records"
PAGE = ROOT / "docs" / "RESULTS.md"
BENCHMARKS_PAGE = ROOT / "docs" / "BENCHMARKS.md"


def machine() -> dict[str, str]:
    """The machine and the versions that figures were measured with; "gpu" is "" without one."""
    cpu = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in cpu.read_text().splitlines() if "model name" in line] if cpu.exists() else []
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": f"{names[0] if names else platform.processor()}, {len(names) or '?'} cores",
        "gpu": _gpu(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "streamlit": _version("streamlit"),
    }


def _version(package: str) -> str:
    """The installed version, or "" without the package: no benchmark needs all packages."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _gpu() -> str:
    """The GPU's name from its driver, so that a benchmark without torch need not load torch."""
    command = shutil.which("nvidia-smi")
    if not command:
        return ""
    done = subprocess.run([command, "--query-gpu=name", "--format=csv,noheader"], check=False, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else ""


def put(section: str, text: str, page: Path = PAGE) -> None:
    """Writes `text` between the two markers of `section` and leaves the rest unchanged. Raises ValueError without markers."""
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    whole = page.read_text(encoding="utf-8")
    if whole.count(begin) != 1 or whole.count(end) != 1:
        raise ValueError(f'{page.name} needs "{begin}" and "{end}", each once.')
    head, rest = whole.split(begin)
    tail = rest.split(end)[1]
    page.write_text(f"{head}{begin}\n\n{text}\n{end}{tail}", encoding="utf-8")
