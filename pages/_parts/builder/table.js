// Puts the rows into the page and reports a press; the arrow keys, Home and End go from row to row.

const STACKED = "(max-width: 900px)"; // the settings of a row stand below the table

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".cnn-own");
  if (root.source !== data.html) {
    const focused = root.contains(document.activeElement);
    const top = root.scrollTop;
    root.innerHTML = data.html; // escaped where it was made
    root.source = data.html;
    root.scrollTop = top;
    const chosen = root.querySelector(".cnn-chosen button");
    if (focused) chosen?.focus({ preventScroll: true });
    keepInSight(root, chosen?.closest("tr"));
  }
  const buttons = [...root.querySelectorAll(".cnn-row button")];
  root.onclick = ({ target }) => {
    const row = target.closest(".cnn-row");
    if (!row) return;
    setTriggerValue("row", Number(row.dataset.row));
    if (matchMedia(STACKED).matches) document.querySelector(".st-key-design-row")?.scrollIntoView({ block: "center" });
  };
  root.onkeydown = (event) => {
    const at = buttons.indexOf(event.target.closest(".cnn-row button"));
    const next = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault(); // the page does not scroll
    const button = buttons[next];
    if (!button) return;
    for (const other of buttons) other.tabIndex = other === button ? 0 : -1;
    button.focus();
    setTriggerValue("row", next);
  };
}

// Scrolls the table alone, never the page.
function keepInSight(root, row) {
  if (!row) return;
  const head = root.querySelector("thead").offsetHeight;
  if (row.offsetTop - head < root.scrollTop) root.scrollTop = row.offsetTop - head;
  const below = row.offsetTop + row.offsetHeight - root.clientHeight;
  if (below > root.scrollTop) root.scrollTop = below;
}
