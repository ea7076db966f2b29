// Draws the charts and the progress of a run, and polls the feed while the run is active. pages/_parts/live/__init__.py draws the path.

// Streamlit calls this with each new `data`, and the function that it returns when the element is removed.
export default function ({ data, parentElement, setTriggerValue }) {
  const shown = JSON.parse(new TextDecoder().decode(data));
  if (shown.charts.length === 0) {
    const whenIdle = window.requestIdleCallback ?? ((call) => setTimeout(call, 200));
    whenIdle(() => loadPlotly(shown.address).catch(() => {}));
    return;
  }
  const plots = show(parentElement, shown);
  plots.live = shown.live ?? {};
  plots.rerun = () => {
    plots.drawnAt = performance.now();
    setTriggerValue("changed", true);
  };
  plots.drawnAt = performance.now();
  poll(parentElement, plots);
  return () => {
    clearInterval(plots.themeTimer);
    plots.themeTimer = plots.loop = undefined;
    plots.removed = true;
    for (const node of drawn(plots)) purge(node, () => plots.removed);
  };
}

function show(parent, { charts, address, live }) {
  const plots = parent.querySelector(".cnn-plots");
  plots.removed = false;
  nodes(plots, charts.length).forEach((node, i) => {
    node.style.height = `${charts[i].figure.layout.height}px`;
    node.chart = charts[i];
    const frame = node.parentElement;
    frame.setAttribute("aria-label", charts[i].label);
    frame.firstChild.textContent = charts[i].heading;
    frame.firstChild.hidden = !charts[i].heading;
  });
  showProgress(parent.querySelector(".cnn-progress"), live);
  loadPlotly(address).then(
    () => {
      if (plots.removed) return;
      drawn(plots).forEach(draw);
      // A chart's text has a fixed colour, so a change between light and dark draws it once more.
      plots.themeTimer ??= setInterval(() => {
        for (const node of drawn(plots)) if (node.layout && node.layout.font.color !== getComputedStyle(node).color) draw(node);
      }, 1000);
    },
    () => {
      plots.textContent = "The chart could not be loaded. Reload the page to try again.";
    },
  );
  return plots;
}

function showProgress(progress, live) {
  progress.hidden = !live;
  if (!live) return;
  const percent = Math.round(100 * live.share);
  for (const part of ["icon", "word", "sentence"]) progress.querySelector(`.cnn-${part}`).textContent = live[part];
  progress.querySelector(".cnn-bar").setAttribute("aria-valuenow", percent);
  progress.querySelector(".cnn-bar > div").style.width = `${percent}%`;
}

// One figure, with a heading and a chart, for each; those that exist are kept, and with them zoom and legend choices.
function nodes(plots, count) {
  while (plots.children.length > count) {
    purge(plots.lastChild.lastChild, () => true);
    plots.lastChild.remove();
  }
  while (plots.children.length < count) {
    const frame = plots.appendChild(document.createElement("figure"));
    frame.appendChild(document.createElement("figcaption"));
    frame.appendChild(document.createElement("div")).className = "cnn-plot";
  }
  return drawn(plots);
}

function drawn(plots) {
  return [...plots.children].map((frame) => frame.lastChild);
}

function draw(node) {
  const { figure, tools } = node.chart;
  const style = getComputedStyle(node);
  figure.layout.font = { ...figure.layout.font, color: style.color, family: style.fontFamily };
  const hover = style.getPropertyValue("--st-secondary-background-color");
  if (hover) figure.layout.hoverlabel = { ...figure.layout.hoverlabel, bgcolor: hover };
  node.drawing = Plotly.react(node, figure.data, figure.layout, {
    responsive: true,
    displaylogo: false,
    displayModeBar: tools ? "hover" : false,
    toImageButtonOptions: { format: "svg", filename: node.chart.label.slice(0, 80) },
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
  });
}

// Plotly draws in several steps; a chart that is purged between two of them fails in the next.
function purge(node, stillRemoved) {
  node.drawing?.finally(() => {
    if (stillRemoved()) Plotly.purge(node);
  });
}

// Polls the feed of `plots.live` until the run ends. Only one loop runs, also where an element is removed and added during a request.
function poll(parent, plots) {
  if (plots.loop || !plots.live.feed) return;
  const loop = {};
  plots.loop = loop;
  const next = async () => {
    if (plots.loop !== loop) return;
    const drawn = plots.live;
    if (!drawn.feed) {
      plots.loop = undefined;
      return;
    }
    try {
      const snapshot = document.hidden ? undefined : await fetchSnapshot(drawn.feed);
      if (plots.loop !== loop) return;
      if (snapshot && plots.live === drawn) update(parent, plots, snapshot); // else the script was faster
    } catch {
      plots.failures = (plots.failures ?? 0) + 1;
      if (plots.failures % 5 === 0) plots.rerun(); // the script can show why
    }
    setTimeout(next, 1000 * (plots.pollEvery ?? drawn.poll_every));
  };
  // Browsers that a class opens together do not poll together.
  setTimeout(next, 200 + 800 * Math.random());
}

function update(parent, plots, snapshot) {
  const { live } = snapshot;
  plots.failures = 0;
  plots.pollEvery = live.poll_every;
  show(parent, snapshot);
  const tableMayRedraw = performance.now() - plots.drawnAt > 1000 * live.redraw_every;
  if (live.page_revision !== plots.live.page_revision) plots.rerun();
  else if (live.table_revision !== plots.live.table_revision && tableMayRedraw) plots.rerun();
}

async function fetchSnapshot(address) {
  const reply = await fetch(fromRoot(address), { cache: "no-store" });
  if (!reply.ok) throw new Error(reply.status);
  return reply.json();
}

function fromRoot(address) {
  // Streamlit's own script shows where the app's root is, whichever page or base path this is.
  const own = document.querySelector('script[src*="static/js/"]');
  return new URL(address, own ? new URL("../../", own.src) : new URL("./", document.baseURI));
}

function loadPlotly(address) {
  if (window.Plotly) return Promise.resolve();
  // Streamlit serves these files without a date, so a script tag would fetch the 5 MB each time; the address has the version.
  window.cnnlabPlotly ??= fetch(fromRoot(address), { cache: "force-cache" })
    .then((reply) => (reply.ok ? reply.blob() : Promise.reject(reply.status)))
    .then(
      (code) =>
        new Promise((resolve, reject) => {
          const script = document.createElement("script");
          script.src = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
          script.onload = resolve;
          script.onerror = reject;
          document.head.appendChild(script);
        }),
    )
    .catch((reason) => {
      window.cnnlabPlotly = undefined;
      throw reason;
    });
  return window.cnnlabPlotly;
}
