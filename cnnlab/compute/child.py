"""What the processes have in common that the helper starts for one question: a bound on their time, and how they read and end."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from cnnlab.config import RunConfig


def question(longest: float) -> tuple[RunConfig, dict[str, Any]]:
    """The settings in the question on standard input, and the whole of it; the process ends after `longest` seconds."""
    timer = threading.Timer(longest, os._exit, (1,))
    timer.daemon = True
    timer.start()
    from cnnlab.system import processes

    processes.die_first(1000)  # before one that trains
    from cnnlab.config import RunConfig

    asked = json.loads(sys.stdin.read())
    return RunConfig.make(**asked["config"]), asked


def end() -> NoReturn:
    """Ends the process at once: torch's compiler libraries print warnings at a normal exit."""
    sys.stdout.flush()
    os._exit(0)
