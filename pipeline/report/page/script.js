"use strict";

// Light and dark: as the system has it, until the reader says otherwise.
{
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  try {
    const kept = localStorage.getItem("autorefiner-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* a page opened as a file may have no storage */ }
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("autorefiner-theme", root.dataset.theme); } catch { /* see above */ }
    show();
  });
  system.addEventListener("change", show);
  show();
}

// The table of scenes: sorted by a click on a heading, filtered as one types.
{
  const table = document.getElementById("scene-table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const status = document.getElementById("scenes-status");
  const filter = document.getElementById("filter");
  const state = document.getElementById("state");

  const showMatching = () => {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = row.cells[0].textContent.toLowerCase().includes(wanted)
        && (state.value === "" || state.value in row.dataset);
      row.hidden = !fits;
      shown += fits;
    }
    status.textContent = shown === rows.length
      ? `${rows.length} scenes` : `${shown} of ${rows.length} scenes`;
  };
  filter.addEventListener("input", showMatching);
  state.addEventListener("change", showMatching);
  if (filter.value || state.value) showMatching();

  const byName = new Intl.Collator("en", { numeric: true }).compare;
  const sortBy = (heading) => {
    const column = heading.cellIndex;
    const ascending = heading.getAttribute("aria-sort") === "none"
      ? column === 0 : heading.getAttribute("aria-sort") === "descending";
    const value = new Map(rows.map((row) => {
      const text = row.cells[column].dataset.value;
      return [row, column === 0 || text === "" ? text : Number(text)];
    }));
    const sign = ascending ? 1 : -1;
    rows.sort((a, b) => {
      const [x, y] = [value.get(a), value.get(b)];
      // What is not known comes last either way.
      if (column > 0 && (x === "" || y === "")) return (x === "") - (y === "");
      return sign * (column === 0 ? byName(x, y) : x - y);
    });
    for (const other of heading.parentElement.cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    body.append(...rows);
  };
  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => sortBy(button.parentElement));
  }
}

// The frames worth a look: by reason, each under a slider.
{
  const frames = [...document.querySelectorAll(".frame")];
  const chips = [...document.querySelectorAll(".chips button")];
  const status = document.getElementById("looks-status");
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      const reason = chip.dataset.reason;
      for (const frame of frames) {
        frame.hidden = reason !== "" && !frame.dataset.reasons.split(" ").includes(reason);
      }
      status.textContent = `${frames.filter((frame) => !frame.hidden).length} frames`;
    });
  }

  for (const lens of document.querySelectorAll(".lens")) {
    const range = lens.querySelector("input[type=range]");
    const image = lens.closest(".frame").querySelector("h3").textContent.trim();
    const show = () => {
      const [left, right] = lens.dataset.pair.split("-");
      lens.style.setProperty("--at", `${range.value}%`);
      lens.querySelector(".left").textContent = left;
      lens.querySelector(".right").textContent = right;
      range.setAttribute("aria-label", `Where ${left} ends and ${right} begins, ${image}`);
      range.setAttribute("aria-valuetext",
        `${range.value} % ${left}, ${100 - range.value} % ${right}`);
    };
    range.addEventListener("input", show);
    lens.addEventListener("change", (event) => {
      if (event.target.type !== "radio") return;
      lens.dataset.pair = event.target.value;
      show();
    });
    show();
  }
}

// Tables of objects are made when they are asked for.
{
  const objects = JSON.parse(document.getElementById("objects").textContent);
  const svg = "http://www.w3.org/2000/svg";
  const swatch = (colour) => {
    const picture = document.createElementNS(svg, "svg");
    const square = document.createElementNS(svg, "rect");
    for (const [name, value] of Object.entries({ width: 10, height: 10, rx: 2, fill: colour })) {
      square.setAttribute(name, value);
    }
    picture.setAttribute("viewBox", "0 0 10 10");
    picture.setAttribute("aria-hidden", "true");
    picture.append(square);
    return picture;
  };
  const cell = (tag, scope, ...parts) => {
    const made = document.createElement(tag);
    if (scope) made.scope = scope;
    made.append(...parts);
    return made;
  };
  const fill = (details) => {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    head.append(...["Id", "Coarse px", "Refined px", "Change", "IoU"]
      .map((title) => cell("th", "col", title)));
    const body = table.createTBody();
    for (const [id, colour, before, after, iou] of objects[details.dataset.frame]) {
      const change = before ? `${(100 * (after - before) / before).toFixed(1)} %` : "new";
      body.insertRow().append(
        cell("th", "row", swatch(colour), String(id)),
        cell("td", "", before.toLocaleString("en")),
        cell("td", "", after.toLocaleString("en")),
        cell("td", "", change),
        cell("td", "", iou.toFixed(3)),
      );
    }
    const list = document.createElement("div");
    list.className = "list";
    list.tabIndex = 0;
    list.append(table);
    details.append(list);
  };
  for (const details of document.querySelectorAll(".objects")) {
    details.addEventListener("toggle", () => fill(details), { once: true });
  }
}
