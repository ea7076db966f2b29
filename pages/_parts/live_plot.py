"""Plotly charts that keep zoom and legend choices while their values change; `st.plotly_chart` starts anew at each change."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from streamlit.components import v1, v2

_PLOTLY = Path(str(find_spec("plotly").origin)).parent / "package_data"
_FILE = "plotly.min.js"

# Plotly's own JavaScript (4 MB) stays where pip put it: declared as a folder of component files, it is served from there, always in
# the installed version, also where this checkout cannot be written to. (static/ would need a copy, kept up to date.)
_FILES = v1.declare_component("plotly_files", path=_PLOTLY)
_ADDRESS = f"component/{_FILES.name}/{_FILE}?v={version('plotly')}"

_LOAD = """
function loadPlotly(address) {
  if (window.Plotly) return Promise.resolve();
  // Streamlit's own script says where the app's root is, whichever page or base path this is.
  const own = document.querySelector('script[src*="static/js/"]');
  const root = own ? new URL("../../", own.src) : new URL("./", document.baseURI);
  // Streamlit serves these files without a date, so a script tag would fetch the 5 MB anew each time; the address has the version.
  window.cnnlabPlotly ??= fetch(new URL(address, root), { cache: "force-cache" })
    .then((reply) => (reply.ok ? reply.blob() : Promise.reject(reply.status)))
    .then((code) => new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
      script.onload = resolve;
      script.onerror = reject;
      document.head.appendChild(script);
    }))
    .catch((reason) => { window.cnnlabPlotly = undefined; throw reason; });
  return window.cnnlabPlotly;
}
"""
_JS = (
    _LOAD
    + """
function draw(node) {
  const { figure, tools } = node.latest;
  const style = getComputedStyle(node);
  figure.layout.font = { ...figure.layout.font, color: style.color, family: style.fontFamily };
  const hover = style.getPropertyValue("--st-secondary-background-color");
  if (hover) figure.layout.hoverlabel = { ...figure.layout.hoverlabel, bgcolor: hover };
  node.drawn = Plotly.react(node, figure.data, figure.layout, {
    responsive: true, displaylogo: false, displayModeBar: tools ? "hover" : false,
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
  });
}

// Plotly draws in several steps; a chart that is taken away between two of them fails in the next.
function purge(node, still) {
  if (node.drawn) node.drawn.finally(() => { if (still()) Plotly.purge(node); });
}

function place(plots, number) {
  while (plots.children.length > number) {
    purge(plots.lastChild, () => true);
    plots.lastChild.remove();
  }
  while (plots.children.length < number) {
    const node = plots.appendChild(document.createElement("div"));
    node.className = "cnn-plot";
    node.setAttribute("role", "img");
  }
  return [...plots.children];
}

export default function ({ data, parentElement }) {
  const { charts, address } = JSON.parse(new TextDecoder().decode(data));
  const plots = parentElement.querySelector(".cnn-plots");
  plots.gone = false;
  place(plots, charts.length).forEach((node, i) => {
    node.style.height = charts[i].figure.layout.height + "px";
    node.setAttribute("aria-label", charts[i].label);
    node.latest = charts[i];
  });
  loadPlotly(address).then(
    () => {
      if (plots.gone) return;
      [...plots.children].forEach(draw);
      // Text colours are set when drawing, so a change between light and dark draws once more.
      plots.watch ??= setInterval(() => {
        for (const node of plots.children) if (node.layout && node.layout.font.color !== getComputedStyle(node).color) draw(node);
      }, 1000);
    },
    () => { plots.textContent = "The chart could not be loaded. Reload the page to try again."; },
  );
  return () => {
    clearInterval(plots.watch);
    plots.watch = undefined;
    plots.gone = true;
    [...plots.children].forEach((node) => purge(node, () => plots.gone));
  };
}
"""
)

_CSS = """
.cnn-plots { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: 1rem; width: 100%;
  color: var(--st-text-color); font-family: var(--st-font); }
@media (max-width: 640px) { .cnn-plots { grid-auto-flow: row; } }
"""

_charts = v2.component(
    "cnnlab_live_plot",
    html='<div class="cnn-plots"></div>',
    css=_CSS,
    js=_JS,
    isolate_styles=False,  # Plotly puts its own styles into the page, not into a shadow root
)


_ahead = v2.component(
    "cnnlab_plotly_ahead",
    js=_LOAD
    + """
export default function ({ data }) {
  const idle = window.requestIdleCallback ?? ((call) => setTimeout(call, 200));
  idle(() => loadPlotly(data.address).catch(() => {}));
}
""",
)


def load_ahead() -> None:
    """Has the browser load Plotly when it is idle, on a page whose next click will draw the first chart."""
    _ahead(data={"address": _ADDRESS}, key="plotly ahead", height=1)


class Chart(NamedTuple):
    """A figure (a dictionary with data and layout, whose height is in pixels) and how it stands on the page."""

    figure: dict[str, Any]
    label: str  # what it shows, for those who cannot see it
    tools: bool = True  # Plotly's own, for zooming and saving


class Encoded(NamedTuple):
    """Charts side by side, as they are sent; made once, they can be sent to many."""

    data: bytes
    height: int | Literal["content"]


def encoded(*charts: Chart) -> Encoded:
    """Charts that stand side by side, or below each other on a narrow screen, as one element: each costs a message."""
    text = json.dumps({"charts": [each._asdict() for each in charts], "address": _ADDRESS}, separators=(",", ":"), allow_nan=False)
    # The height is given here too, so that the place is kept while the browser loads Plotly.
    return Encoded(text.encode(), charts[0].figure["layout"]["height"] if len(charts) == 1 else "content")


def live_plots(plots: Encoded, *, key: str) -> None:
    """Draws charts that were encoded before."""
    _charts(data=plots.data, key=key, height=plots.height)


def live_plot(figure: dict[str, Any], *, key: str, label: str, tools: bool = True) -> None:
    """Draws one figure; `label` and `tools` as a `Chart` has them."""
    live_plots(encoded(Chart(figure, label, tools)), key=key)
