"""What the benchmarks that write into docs/RESULTS.md share: the machine they ran on, and their place on that page."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "benchmarks" / "records"
PAGE = ROOT / "docs" / "RESULTS.md"


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    cpu = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in cpu.read_text().splitlines() if "model name" in line] if cpu.exists() else []
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": f"{names[0] if names else platform.processor()}, {len(names) or '?'} cores",
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def put(section: str, text: str) -> None:
    """Puts `text` between the page's two markers of `section`, leaving the rest as it is."""
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    head, rest = PAGE.read_text(encoding="utf-8").split(begin)
    tail = rest.split(end)[1]
    PAGE.write_text(f"{head}{begin}\n\n{text}\n{end}{tail}", encoding="utf-8")
