// Puts the matrix into the page, marks what is chosen, and reports a click; arrow keys go from cell to cell.

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const STACKED = "(max-width: 900px)"; // predict.css has the images below the matrix

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".cnn-confusion");
  if (root.source !== data.html) {
    root.innerHTML = data.html; // escaped where it was made
    root.source = data.html;
  }
  const rows = [...root.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("button")]);
  mark(root, rows, data);
  root.onclick = ({ target }) => {
    const button = target.closest("td button");
    if (!button) return;
    const pressed = button.getAttribute("aria-pressed") === "true";
    enter(rows, button);
    // What is to be chosen, not that it was clicked: a double click is one choice.
    setTriggerValue("cell", pressed ? [] : place(rows, button));
    if (!pressed && matchMedia(STACKED).matches) document.querySelector(".st-key-predict-images")?.scrollIntoView();
  };
  root.onkeydown = (event) => {
    const step = STEPS[event.key];
    const button = event.target.closest("td button");
    if (!step || !button) return;
    const [row, column] = place(rows, button);
    const next = rows[row + step[0]]?.[column + step[1]];
    event.preventDefault(); // the page does not scroll
    if (!next) return;
    enter(rows, next);
    next.focus();
  };
}

function place(rows, button) {
  const row = rows.findIndex((cells) => cells.includes(button));
  return [row, rows[row].indexOf(button)];
}

// Tab reaches one cell: the one that was used last.
function enter(rows, button) {
  for (const other of rows.flat()) other.tabIndex = other === button ? 0 : -1;
}

function mark(root, rows, { label, predicted }) {
  rows.forEach((cells, row) => {
    cells.forEach((button, column) => {
      button.setAttribute("aria-pressed", row === label && column === predicted);
    });
  });
  const heads = [...root.querySelectorAll("thead th")].slice(1);
  const sides = [...root.querySelectorAll("tbody th")];
  heads.forEach((head, column) => {
    head.classList.toggle("cnn-chosen", column === predicted);
  });
  sides.forEach((side, row) => {
    side.classList.toggle("cnn-chosen", row === label);
  });
  if (!rows.flat().some((button) => button.tabIndex === 0)) enter(rows, rows[label ?? 0]?.[predicted ?? 0]);
}
