"""The home that this process works for, in a variable which its children inherit: settings of runs name what lies there."""

from __future__ import annotations

import os
from pathlib import Path

HOME = "CNNLAB_OWN_DATA_HOME"  # the variable in which a process hands the home on to its children


def look_in(home: Path) -> Path:
    """This process, and those that it starts, work for the lab in `home`, which is returned: its sets are in the catalogue."""
    os.environ[HOME] = str(home)
    return home


def known() -> Path | None:
    """None where no lab was opened."""
    home = os.environ.get(HOME)
    return Path(home) if home else None
