// Moves the window of one output value over the input picture, by pointer or arrow keys, and reports its place at the end of a move.

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const REST = 300; // ms after the last key

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".cnn-window");
  if (root.source !== data.html) {
    root.innerHTML = data.html; // escaped where it was made
    root.source = data.html;
    root.label = document.createElement("p");
    root.label.setAttribute("aria-live", "polite");
    root.append(root.label);
  }
  const stage = root.querySelector(".cnn-framed");
  stage.tabIndex = 0;
  stage.setAttribute("role", "application");
  clearTimeout(root.waiting);
  move(root, stage, data, [data.row, data.column]);
  const report = () => {
    if (root.at[0] !== data.row || root.at[1] !== data.column) setTriggerValue("place", root.at);
  };
  stage.onpointerdown = (event) => {
    stage.setPointerCapture(event.pointerId);
    move(root, stage, data, under(stage, data, event));
  };
  stage.onpointermove = (event) => {
    if (stage.hasPointerCapture(event.pointerId)) move(root, stage, data, under(stage, data, event));
  };
  stage.onpointerup = report;
  stage.onkeydown = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault(); // the page does not scroll
    move(root, stage, data, [
      Math.min(Math.max(root.at[0] + step[0], 0), data.rows.length - 1),
      Math.min(Math.max(root.at[1] + step[1], 0), data.columns.length - 1),
    ]);
    clearTimeout(root.waiting);
    root.waiting = setTimeout(report, REST);
  };
}

// The output's row and column whose window has its middle nearest to the pointer.
function under(stage, data, event) {
  const box = stage.getBoundingClientRect();
  const at = [((event.clientY - box.top) / box.height) * data.sides[0], ((event.clientX - box.left) / box.width) * data.sides[1]];
  return [nearest(data.rows, at[0]), nearest(data.columns, at[1])];
}

function nearest(spans, position) {
  const away = spans.map(([first, length]) => Math.abs(first + length / 2 - position));
  return away.indexOf(Math.min(...away));
}

function move(root, stage, data, at) {
  root.at = at;
  const mark = stage.querySelector("span");
  place(mark, "top", "height", data.rows[at[0]], data.sides[0]);
  place(mark, "left", "width", data.columns[at[1]], data.sides[1]);
  root.label.textContent = filled(data.place, at);
  stage.setAttribute("aria-label", filled(data.label, at));
}

function filled(text, [row, column]) {
  return text.replace("{row}", row + 1).replace("{column}", column + 1);
}

// The part of the window that lies on the picture.
function place(mark, edge, extent, [first, length], side) {
  const begin = Math.max(0, first);
  mark.style[edge] = `${(100 * begin) / side}%`;
  mark.style[extent] = `${(100 * (Math.min(side, first + length) - begin)) / side}%`;
}
