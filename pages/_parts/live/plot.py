"""Plotly charts that keep zoom and legend choices while their values change; `st.plotly_chart` loses both at each change."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from streamlit.components import v1, v2

from cnnlab.i18n import ENGLISH, N_, _, language, tag, translated
from cnnlab.i18n.glossary import shown_terms

_PLOTLY = Path(str(find_spec("plotly").origin)).parent / "package_data"
_FILE = "plotly.min.js"

# Plotly's own JavaScript (4 MB) stays where pip put it: declared as a folder of component files, it is served from there, always in
# the installed version, also where this checkout is read-only. (static/ would need a copy, kept up to date.)
_FILES = v1.declare_component("plotly_files", path=_PLOTLY)
_ADDRESS = f"component/{_FILES.name}/{_FILE}?v={version('plotly')}"

_charts = v2.component(
    "cnnlab_live_plot",
    **{name: Path(__file__).with_suffix(f".{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")},
    isolate_styles=False,  # Plotly puts its own styles into the page, not into a shadow root
)
# Plotly's own words, under the names that plot.js has for them.
_TOOLS = {
    "zoom": N_("Zoom"), "pan": N_("Pan"), "in": N_("Zoom in"), "out": N_("Zoom out"), "reset": N_("Reset axes"),
    "save": N_("Download plot"), "back": N_("Double-click to zoom back out"),
    "isolate": N_("Double-click on legend to isolate one trace"),
}  # fmt: skip


class Chart(NamedTuple):
    """A figure (a dictionary with data and layout, whose height is in pixels) and how it stands on the page."""

    figure: dict[str, Any]
    label: str  # what it shows, for screen readers
    tools: bool = True  # Plotly's own, for zooming and saving
    heading: str = ""  # above it: what to see


class Live(NamedTuple):
    """The progress of a run, above its charts, and where the browser polls the next."""

    icon: str  # of Material Symbols, by name
    word: str  # the state
    sentence: str  # plain text
    share: float  # done, 0 to 1
    page_revision: int  # differs from the one on the page: the script runs at once
    table_revision: int  # differs: the script runs when `redraw_every` seconds have passed
    poll_every: float  # seconds
    redraw_every: float
    feed: str | None  # address from the app's root; None where nothing more is to come


class Encoded(NamedTuple):
    """Charts side by side as one message, which can be sent to many browsers."""

    data: bytes
    height: int | Literal["content"]


def encoded(*charts: Chart, live: Live | None = None) -> Encoded:
    """Charts that stand side by side, or below each other on a narrow screen, as one element: each costs a message."""
    shown = {
        "charts": [chart._asdict() | {"terms": _terms(chart)} for chart in charts],
        "address": _ADDRESS,
        "live": live and live._asdict(),
    }
    if charts:
        shown["words"] = _words()
    text = json.dumps(shown, separators=(",", ":"), allow_nan=False)
    # The height is given here too, so that the place is kept while the browser loads Plotly.
    return Encoded(text.encode(), charts[0].figure["layout"]["height"] if len(charts) == 1 else "content")


def live_plots(plots: Encoded, *, key: str) -> None:
    """Draws charts that were encoded before. Those with a feed can request a run of the script, or of the fragment around them."""
    _charts(data=plots.data, key=key, height=plots.height, on_changed_change=_rerun)


def live_plot(figure: dict[str, Any], *, key: str, label: str, tools: bool = True) -> None:
    """Draws one figure; `label` and `tools` as a `Chart` has them."""
    live_plots(encoded(Chart(figure, label, tools)), key=key)


def load_ahead() -> None:
    """Has the browser load Plotly when it is idle, on a page whose next click will draw the first chart."""
    _charts(data=encoded().data, key="plotly ahead", height=1)


def _terms(chart: Chart) -> list[str]:
    """The technical terms within a chart, each with its word in the other language; found here, where texts are still whole."""
    layout = chart.figure["layout"]
    axes = [axis for name, axis in layout.items() if name.startswith(("xaxis", "yaxis"))]
    texts = [chart.heading, *(axis["title"]["text"] for axis in axes if "title" in axis)]
    for trace in chart.figure["data"]:
        texts += [trace.get("name", ""), *(dimension["label"] for dimension in trace.get("dimensions", ()))]
    return shown_terms(*dict.fromkeys(filter(None, texts))).split("\n\n")


def _words() -> dict[str, Any]:
    """The texts that the browser adds, in the language of this thread."""
    tools = {} if language() == ENGLISH else {name: translated(text) for name, text in _TOOLS.items()}
    return {
        "tag": tag(language()),
        "tools": tools,
        "png": _("Download as PNG"),
        "colon": _(": "),
        "terms": _("Terms in this chart, in the other language"),
        "progress": _("Progress of the run"),
        "failed": _("The chart could not be loaded. Reload the page to try again."),
    }


def _rerun() -> None:
    """Nothing to do: the script already runs because the browser has requested it."""
