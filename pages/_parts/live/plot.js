// Draws the charts and the progress of a run, and polls the feed while the run is active. pages/_parts/live/__init__.py draws the path.

// Of the browser's time for drawing charts: a training on the same computer waits for each processor that the browser takes.
const SHARE = 0.05;
const FIRST_COST = 4; // the first drawing costs as much as so many later ones, and often has one point, which no line shows
const LONGEST_PAUSE = 10000; // ms between two drawings, however slow the browser is
// Beside Plotly's own button, which saves an SVG. One object: another one each time would make Plotly draw the chart from nothing.
const BUTTONS = [];
// Plotly's own words, which its dictionary of another language is looked up by.
const TOOLS = {
  zoom: "Zoom",
  pan: "Pan",
  in: "Zoom in",
  out: "Zoom out",
  reset: "Reset axes",
  save: "Download plot",
  back: "Double-click to zoom back out",
  isolate: "Double-click on legend to isolate one trace",
};
const EMPTY_AFTER = 2500; // ms until the charts of a run without a point are drawn empty

// Streamlit calls this with each new `data`, and the function that it returns when the element is removed.
export default function ({ data, parentElement, setTriggerValue }) {
  const shown = JSON.parse(new TextDecoder().decode(data));
  if (shown.charts.length === 0) {
    const whenIdle = window.requestIdleCallback ?? ((call) => setTimeout(call, 200));
    whenIdle(() => loadPlotly(shown.address).catch(() => {}));
    return;
  }
  const plots = parentElement.querySelector(".cnn-plots");
  // At once, unless the script runs because this browser has asked for it while the charts rest.
  show(parentElement, shown, !plots.asked || !shown.live?.feed || isDue(plots));
  plots.asked = false;
  plots.live = shown.live ?? {};
  plots.rerun = () => {
    plots.drawnAt = performance.now();
    plots.asked = true;
    setTriggerValue("changed", true);
  };
  plots.drawnAt = performance.now();
  poll(parentElement, plots);
  return () => {
    clearInterval(plots.themeTimer);
    document.removeEventListener("visibilitychange", plots.whenSeen);
    plots.themeTimer = plots.whenSeen = plots.loop = undefined;
    plots.removed = true;
    for (const node of drawn(plots)) purge(node, () => plots.removed);
  };
}

// Shows the progress, and draws the charts unless they may wait for a later call.
function show(parent, { charts, address, live, words }, now) {
  const plots = parent.querySelector(".cnn-plots");
  plots.removed = false;
  nodes(plots, charts.length).forEach((node, i) => {
    node.style.height = `${charts[i].figure.layout.height}px`;
    node.chart = charts[i];
    node.words = words;
    node.wanted = JSON.stringify(charts[i].figure);
    const frame = node.parentElement;
    frame.setAttribute("aria-label", charts[i].label);
    frame.firstChild.textContent = charts[i].heading;
    frame.firstChild.hidden = !charts[i].heading;
    showTerms(frame.querySelector("details"), charts[i].terms, words.terms);
  });
  showProgress(parent.querySelector(".cnn-progress"), live, words);
  plots.awaitsPoint = hasNoPoint(charts) && Boolean(live?.feed);
  if (!now) return;
  loadPlotly(address).then(
    () => {
      if (plots.removed || mayWait(plots)) return;
      drawChanged(plots);
      // A chart's text has a fixed colour, so a change between light and dark draws it once more.
      plots.themeTimer ??= setInterval(() => drawChanged(plots, hasOtherColours), 1000);
      if (plots.whenSeen) return;
      plots.whenSeen = () => drawChanged(plots);
      document.addEventListener("visibilitychange", plots.whenSeen);
    },
    () => {
      plots.textContent = words.failed;
    },
  );
}

// The first drawing is costly, so a run that begins is drawn with its first point, and not empty before.
function mayWait(plots) {
  plots.shownAt ??= performance.now();
  return plots.awaitsPoint && !plots.due && performance.now() - plots.shownAt < EMPTY_AFTER;
}

function hasNoPoint(charts) {
  return charts.every(({ figure }) => figure.data.every(({ x }) => !x?.length));
}

function isDue(plots) {
  return performance.now() >= (plots.due ?? 0);
}

// Draws the charts that show something else than they should, and sets when the next drawing is due by what this one cost.
async function drawChanged(plots, changed = (node) => node.wanted !== node.shown || hasOtherColours(node)) {
  if (document.hidden) return; // drawn when it is seen
  const charts = drawn(plots).filter(changed);
  if (charts.length === 0) return;
  const begun = performance.now();
  const usual = plots.due === undefined ? FIRST_COST : 1;
  charts.forEach(draw);
  await Promise.allSettled(charts.map((node) => node.drawing));
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
  const ended = performance.now();
  plots.due = ended + Math.min(LONGEST_PAUSE, (ended - begun) / usual / SHARE);
}

function hasOtherColours(node) {
  return node.layout && node.layout.font.color !== getComputedStyle(node).color;
}

function showProgress(progress, live, words) {
  progress.hidden = !live;
  if (!live) return;
  const percent = Math.round(100 * live.share);
  for (const part of ["icon", "word", "sentence"]) progress.querySelector(`.cnn-${part}`).textContent = live[part];
  progress.querySelector(".cnn-colon").textContent = words.colon;
  progress.querySelector(".cnn-bar").setAttribute("aria-label", words.progress);
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
    frame.appendChild(terms());
    frame.appendChild(document.createElement("div")).className = "cnn-plot";
  }
  return drawn(plots);
}

// The words of the other language, outside Plotly's drawing: a button shows them, also by keyboard and touch, and no redraw costs more.
function terms() {
  const details = document.createElement("details");
  details.className = "cnn-terms";
  const button = details.appendChild(document.createElement("summary"));
  button.textContent = "translate"; // the icon's name
  details.appendChild(document.createElement("ul"));
  details.addEventListener("keydown", (event) => {
    if (event.key === "Escape") details.open = false;
  });
  return details;
}

function showTerms(details, lines, title) {
  const text = lines.join("\n");
  details.hidden = text === "";
  if (details.shown === text) return;
  details.shown = text;
  details.firstChild.title = text;
  details.firstChild.setAttribute("aria-label", title);
  details.lastChild.replaceChildren(
    ...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }),
  );
}

function drawn(plots) {
  return [...plots.children].map((frame) => frame.lastChild);
}

function draw(node) {
  const { figure, tools } = node.chart;
  node.shown = node.wanted;
  const style = getComputedStyle(node);
  figure.layout.font = { ...figure.layout.font, color: style.color, family: style.fontFamily };
  const hover = style.getPropertyValue("--st-secondary-background-color");
  if (hover) figure.layout.hoverlabel = { ...figure.layout.hoverlabel, bgcolor: hover };
  node.drawing = Plotly.react(node, figure.data, figure.layout, {
    responsive: true,
    displaylogo: false,
    displayModeBar: tools ? "hover" : false,
    modeBarButtonsToAdd: buttons(node.words.png),
    locale: node.words.tag,
    locales: { [node.words.tag]: { dictionary: dictionary(node.words.tools) } },
    toImageButtonOptions: { format: "svg", filename: node.chart.label.slice(0, 80) },
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
  });
}

function dictionary(tools) {
  return Object.fromEntries(Object.entries(tools).map(([name, text]) => [TOOLS[name], text]));
}

function buttons(title) {
  if (BUTTONS[0]?.title !== title) {
    const save = (node) => Plotly.downloadImage(node, { format: "png", scale: 2, filename: node.chart.label.slice(0, 80) });
    BUTTONS.splice(0, 1, { name: "png", title, icon: Plotly.Icons.disk, click: save });
  }
  return BUTTONS;
}

// Plotly draws in several steps; a chart that is purged between two of them fails in the next.
function purge(node, stillRemoved) {
  node.drawing?.finally(() => {
    if (!stillRemoved()) return;
    Plotly.purge(node);
    node.shown = undefined;
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
  // Browsers that a class opens together do not poll together. Who has just started a run gets its first point, which the feed
  // has read by then (FIRST_SECONDS in feed.py).
  setTimeout(next, plots.awaitsPoint ? 400 : 200 + 800 * Math.random());
}

function update(parent, plots, snapshot) {
  const { live } = snapshot;
  plots.failures = 0;
  plots.pollEvery = live.poll_every;
  const due = isDue(plots);
  show(parent, snapshot, due || !live.feed);
  const tableMayRedraw = due && performance.now() - plots.drawnAt > 1000 * live.redraw_every;
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
