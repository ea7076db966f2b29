// Puts the drawing or the table into the page, sorts the table, and lights up what belongs together.

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".cnn-network");
  if (root.source !== data.html) {
    root.innerHTML = data.html; // escaped where it was made
    root.source = data.html;
  }
  root.dataset.group = data.group;
  root.onclick = ({ target }) => {
    const header = target.closest("thead th");
    if (header) sort(header);
  };
  root.onpointerover = ({ target }) => light(data.group, target.closest("[data-stage]"));
  root.onpointerleave = () => light(data.group, null);
}

// Up, down, and back to the order of execution.
function sort(header) {
  const rows = [...header.closest("table").tBodies[0].rows];
  const body = header.closest("table").tBodies[0];
  const column = header.cellIndex;
  const next = { ascending: "descending", descending: undefined }[header.ariaSort] ?? (header.ariaSort ? undefined : "ascending");
  for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
  rows.forEach((row, place) => {
    row.place ??= place;
  });
  const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const compare = (a, b) => String(value(a)).localeCompare(String(value(b)), "en", { numeric: true });
  const byNumber = rows.length > 0 && rows[0].cells[column].dataset.value !== undefined;
  const inOrder = byNumber ? (a, b) => value(a) - value(b) : compare;
  if (next) header.setAttribute("aria-sort", next);
  const sign = next === "descending" ? -1 : 1;
  rows.sort(next ? (a, b) => sign * inOrder(a, b) : (a, b) => a.place - b.place);
  body.append(...rows);
}

function light(group, chosen) {
  const places = new Set(chosen?.dataset.stage.split(" ").filter(Boolean));
  for (const root of document.querySelectorAll(".cnn-network")) {
    if (root.dataset.group !== group) continue;
    for (const one of root.querySelectorAll("[data-stage]")) {
      one.classList.toggle(
        "cnn-lit",
        one.dataset.stage.split(" ").some((place) => places.has(place)),
      );
    }
  }
}
