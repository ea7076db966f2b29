"""Plotly charts that keep zoom and legend choices while their values change; `st.plotly_chart` starts anew at each change.

Those of a run in progress fetch their own news once a second, with its progress: a script run would cost the server ten times
as much. They ask for one only where something else on the page has to be drawn anew.
"""

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
function fromRoot(address) {
  // Streamlit's own script says where the app's root is, whichever page or base path this is.
  const own = document.querySelector('script[src*="static/js/"]');
  return new URL(address, own ? new URL("../../", own.src) : new URL("./", document.baseURI));
}

function loadPlotly(address) {
  if (window.Plotly) return Promise.resolve();
  // Streamlit serves these files without a date, so a script tag would fetch the 5 MB anew each time; the address has the version.
  window.cnnlabPlotly ??= fetch(fromRoot(address), { cache: "force-cache" })
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

function show(parent, { charts, address, live }) {
  const plots = parent.querySelector(".cnn-plots");
  plots.gone = false;
  place(plots, charts.length).forEach((node, i) => {
    node.style.height = charts[i].figure.layout.height + "px";
    node.setAttribute("aria-label", charts[i].label);
    node.latest = charts[i];
  });
  tell(parent.querySelector(".cnn-progress"), live);
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
  return plots;
}

function tell(progress, live) {
  progress.hidden = !live;
  if (!live) return;
  const share = Math.round(100 * live.share);
  ["icon", "word", "rest"].forEach((part) => { progress.querySelector(".cnn-" + part).textContent = live[part]; });
  progress.querySelector(".cnn-bar").setAttribute("aria-valuenow", share);
  progress.querySelector(".cnn-bar > div").style.width = share + "%";
}

// Fetches the news of `plots.live` again and again until there are none to come.
function follow(parent, plots) {
  if (plots.loop || !plots.live.feed) return;
  const loop = plots.loop = {};  // one at a time, also where an element goes and comes back while an answer is on its way
  const look = async () => {
    if (plots.loop !== loop) return;
    const known = plots.live;
    if (!known.feed) { plots.loop = undefined; return; }
    try {
      const news = document.hidden ? undefined : await fetched(known.feed);
      if (plots.loop !== loop) return;
      if (news && plots.live === known) {  // else the script was quicker
        plots.failed = 0;
        plots.every = news.live.every;
        show(parent, news);
        // What moves buttons is drawn at once; a row more in the table when the server has the time for it.
        if (news.live.page !== known.page) ask(plots);
        else if (news.live.table !== known.table && performance.now() - plots.drew > 1000 * news.live.pace) ask(plots);
      }
    } catch {
      plots.failed = (plots.failed ?? 0) + 1;
      if (plots.failed % 5 === 0) ask(plots);
    }
    setTimeout(look, 1000 * (plots.every ?? known.every));
  };
  // Browsers that were opened at once, by a class, do not ask at once.
  setTimeout(look, 200 + 800 * Math.random());
}

async function fetched(address) {
  const reply = await fetch(fromRoot(address), { cache: "no-store" });
  if (!reply.ok) throw new Error(reply.status);
  return reply.json();
}

function ask(plots) {
  plots.drew = performance.now();
  plots.trigger("moved", true);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const shown = JSON.parse(new TextDecoder().decode(data));
  const plots = show(parentElement, shown);
  plots.live = shown.live ?? {};
  plots.trigger = setTriggerValue;
  plots.drew = performance.now();
  follow(parentElement, plots);
  return () => {
    clearInterval(plots.watch);
    plots.watch = plots.loop = undefined;
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
.cnn-progress { color: var(--st-text-color); font-family: var(--st-font); margin-bottom: .75rem; }
.cnn-progress p { margin: 0 0 .5rem; line-height: 1.5; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.cnn-icon { font-family: "Material Symbols Rounded"; font-size: 1.25em; line-height: 1; vertical-align: -0.2em; user-select: none; }
.cnn-word { font-weight: 600; }
.cnn-bar { height: .5rem; border-radius: .25rem; background: var(--st-secondary-background-color); overflow: hidden;
  outline: 1px solid var(--st-border-color); outline-offset: -1px; }
.cnn-bar > div { height: 100%; background: var(--st-primary-color); transition: width .4s; }
"""

_HTML = """
<div class="cnn-progress" hidden>
  <p><span class="cnn-icon" aria-hidden="true"></span> <span class="cnn-word"></span>: <span class="cnn-rest"></span></p>
  <div class="cnn-bar" role="progressbar" aria-label="Progress of the run" aria-valuemin="0" aria-valuemax="100"><div></div></div>
</div>
<div class="cnn-plots"></div>
"""

_charts = v2.component(
    "cnnlab_live_plot",
    html=_HTML,
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


class Live(NamedTuple):
    """A run in progress, above its charts, and where there is news of it."""

    icon: str  # of Material Symbols, by name
    word: str
    rest: str  # of the sentence, as plain text
    share: float  # done, 0 to 1
    page: str  # differs where what stands around the charts has to be drawn anew
    table: str  # the same, where it may wait
    pace: float  # seconds that it has to wait at least
    every: float  # seconds between two looks at the feed
    feed: str | None  # address from the app's root, under which the same comes anew


class Encoded(NamedTuple):
    """Charts side by side, as they are sent; made once, they can be sent to many."""

    data: bytes
    height: int | Literal["content"]


def encoded(*charts: Chart, live: Live | None = None) -> Encoded:
    """Charts that stand side by side, or below each other on a narrow screen, as one element: each costs a message."""
    shown = {"charts": [each._asdict() for each in charts], "address": _ADDRESS, "live": live and live._asdict()}
    text = json.dumps(shown, separators=(",", ":"), allow_nan=False)
    # The height is given here too, so that the place is kept while the browser loads Plotly.
    return Encoded(text.encode(), charts[0].figure["layout"]["height"] if len(charts) == 1 else "content")


def live_plots(plots: Encoded, *, key: str) -> None:
    """Draws charts that were encoded before. Those with a feed have the script, or the fragment around them, run when they must."""
    _charts(data=plots.data, key=key, height=plots.height, on_moved_change=_drawn_anew)


def live_plot(figure: dict[str, Any], *, key: str, label: str, tools: bool = True) -> None:
    """Draws one figure; `label` and `tools` as a `Chart` has them."""
    live_plots(encoded(Chart(figure, label, tools)), key=key)


def _drawn_anew() -> None:
    """That the script runs is all that was asked for."""
