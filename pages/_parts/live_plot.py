"""A Plotly chart that keeps zoom and legend choices while its values change; `st.plotly_chart` starts anew at each change."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from streamlit.components import v1, v2

_PLOTLY = Path(str(find_spec("plotly").origin)).parent / "package_data"
_FILE = "plotly.min.js"

# Plotly's own JavaScript (4 MB) stays where pip put it: declared as a folder of component files, it is served from there, always in
# the installed version, also where this checkout cannot be written to. (static/ would need a copy, kept up to date.)
_FILES = v1.declare_component("plotly_files", path=_PLOTLY)
_ADDRESS = f"component/{_FILES.name}/{_FILE}?v={version('plotly')}"

_JS = """
let loading;

function loadPlotly(address) {
  if (window.Plotly) return Promise.resolve();
  // Streamlit's own script says where the app's root is, whichever page or base path this is.
  const own = document.querySelector('script[src*="static/js/"]');
  const root = own ? new URL("../../", own.src) : new URL("./", document.baseURI);
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(address, root).href;
    script.onload = resolve;
    script.onerror = () => { loading = undefined; script.remove(); reject(); };
    document.head.appendChild(script);
  });
  return loading;
}

function draw(node, text) {
  const figure = JSON.parse(text);
  const style = getComputedStyle(node);
  figure.layout.font = { ...figure.layout.font, color: style.color, family: style.fontFamily };
  const hover = style.getPropertyValue("--st-secondary-background-color");
  if (hover) figure.layout.hoverlabel = { ...figure.layout.hoverlabel, bgcolor: hover };
  return Plotly.react(node, figure.data, figure.layout, {
    responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
  });
}

export default function ({ data, parentElement }) {
  const node = parentElement.querySelector(".cnn-plot");
  node.style.height = data.height + "px";
  node.setAttribute("aria-label", data.label);
  node.latest = data.figure;
  loadPlotly(data.address).then(
    () => {
      if (node.isConnected) draw(node, node.latest);
      // Text colours are set when drawing, so a change between light and dark draws once more.
      node.watch ??= setInterval(() => {
        if (node.layout && node.layout.font.color !== getComputedStyle(node).color) draw(node, node.latest);
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

_chart = v2.component(
    "cnnlab_live_plot",
    html='<div class="cnn-plot" role="img"></div>',
    css=".cnn-plot { width: 100%; color: var(--st-text-color); font-family: var(--st-font); }",
    js=_JS,
    isolate_styles=False,  # Plotly puts its own styles into the page, not into a shadow root
)


def live_plot(figure: dict[str, Any], *, key: str, label: str) -> None:
    """Draws `figure` (a dictionary with data and layout); `label` says what it shows to those who cannot see it."""
    height = figure["layout"]["height"]
    text = json.dumps(figure, separators=(",", ":"), allow_nan=False)
    _chart(data={"figure": text, "label": label, "height": height, "address": _ADDRESS}, key=key, height=height)
