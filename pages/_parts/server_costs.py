"""What the web server would do again at each poll although nothing has changed."""

from __future__ import annotations

import gc
import inspect
import threading
from functools import cache, wraps
from typing import Any

from streamlit.runtime import app_session

_KNOWN = "(msg: 'CustomThemeConfig', section: 'str' = 'theme') -> 'None'"


@cache
def leave_modules_alone() -> None:
    """Takes what lives now out of the collector's sight: else it goes through all modules again and again, 0.1 s each time.

    To be called when those that a page needs are loaded. What is alive now and ends in a cycle stays: little, and once.
    """
    gc.collect()
    gc.freeze()


def remember_theme() -> bool:
    """Has Streamlit read the theme's options once, not for each script run (a millisecond); False where it works differently.

    A theme that is edited while the server runs shows after its next start.
    """
    plain = getattr(app_session, "_populate_theme_msg", None)
    if plain is None or str(inspect.signature(plain)) != _KNOWN or hasattr(plain, "__wrapped__"):
        return False
    read: dict[str, Any] = {}
    lock = threading.Lock()

    @wraps(plain)
    def remembered(msg: Any, section: str = "theme") -> None:
        with lock:
            if section not in read:
                plain(fresh := type(msg)(), section)
                read[section] = fresh
        msg.MergeFrom(read[section])

    app_session._populate_theme_msg = remembered
    return True
