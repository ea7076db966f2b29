"""A Plotly chart that keeps zoom and legend choices while its values change; `st.plotly_chart` starts anew at each change."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

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
function draw(node, text, tools) {
  const figure = JSON.parse(text);
  const style = getComputedStyle(node);
  figure.layout.font = { ...figure.layout.font, color: style.color, family: style.fontFamily };
  const hover = style.getPropertyValue("--st-secondary-background-color");
  if (hover) figure.layout.hoverlabel = { ...figure.layout.hoverlabel, bgcolor: hover };
  return Plotly.react(node, figure.data, figure.layout, {
    responsive: true, displaylogo: false, displayModeBar: tools ? "hover" : false,
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
  });
}

export default function ({ data, parentElement }) {
  const node = parentElement.querySelector(".cnn-plot");
  node.style.height = data.height + "px";
  node.setAttribute("aria-label", data.label);
  node.latest = [data.figure, data.tools];
  loadPlotly(data.address).then(
    () => {
      if (node.isConnected) draw(node, ...node.latest);
      // Text colours are set when drawing, so a change between light and dark draws once more.
      node.watch ??= setInterval(() => {
        if (node.layout && node.layout.font.color !== getComputedStyle(node).color) draw(node, ...node.latest);
      }, 1000);
    },
    () => { node.textContent = "The chart could not be loaded. Reload the page to try again."; },
  );
  return () => {
    clearInterval(node.watch);
    node.watch = undefined;
    if (window.Plotly) Plotly.purge(node);
  };
}
"""
)

_chart = v2.component(
    "cnnlab_live_plot",
    html='<div class="cnn-plot" role="img"></div>',
    css=".cnn-plot { width: 100%; color: var(--st-text-color); font-family: var(--st-font); }",
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


class Encoded(NamedTuple):
    """A figure as it is sent; made once, it can be sent to many."""

    text: str
    height: int


def encoded(figure: dict[str, Any]) -> Encoded:
    """The figure (a dictionary with data and layout, whose height is in pixels) as JSON."""
    return Encoded(json.dumps(figure, separators=(",", ":"), allow_nan=False), figure["layout"]["height"])


def live_plot(figure: dict[str, Any] | Encoded, *, key: str, label: str, tools: bool = True) -> None:
    """Draws a figure; `label` says what it shows to those who cannot see it, `tools` are Plotly's own for zooming and saving."""
    text, height = figure if isinstance(figure, Encoded) else encoded(figure)
    # The height is given twice so that the place is kept while the browser loads Plotly.
    data = {"figure": text, "label": label, "height": height, "address": _ADDRESS, "tools": tools}
    _chart(data=data, key=key, height=height)
