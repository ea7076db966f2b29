"""Has the browser show a lesson from its top when it is opened from the end of another one."""

from __future__ import annotations

from pathlib import Path

from streamlit.components import v2

_top = v2.component(
    "cnnlab_lesson_top",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,  # a shadow root would hide the page from the script
)


def begin_at_the_top(lesson_id: str) -> None:
    """Scrolls up where the browser showed another lesson before; without a lesson, the list."""
    _top(data={"lesson": lesson_id}, key="unseen top")
