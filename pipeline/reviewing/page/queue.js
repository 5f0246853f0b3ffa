// The queue: only the rows in sight are on the page, and rows come from the server in parts.

import { getJson } from "./server.js";
import { element, sayError } from "./say.js";

const PART = 100;
const HEIGHT = 54;
const list = document.getElementById("list");
const rows = document.getElementById("rows");
const words = document.getElementById("words");
const rank = document.getElementById("rank");
const chips = [...document.querySelectorAll(".chips button")];
const stateText = { open: "", draft: "draft", fixed: "fixed" };

export const queue = { total: 0, at: -1, open: () => {} };
let parts = new Map(), show = "all", turn = 0;

const asked = () => ({ rank: rank.value, show, words: words.value });

async function fetchPart(number) {
  const part = { rows: null };
  parts.set(number, part);
  const ours = turn;
  const answer = await getJson("queue", { ...asked(), start: number * PART, count: PART });
  if (ours !== turn) return;
  part.rows = answer.rows;
  setFacts(answer);
  draw();
}

function setFacts(answer) {
  queue.total = answer.total;
  rows.style.height = `${HEIGHT * answer.total}px`;
  const { all, fixed } = answer.counts;
  document.getElementById("queue-status").textContent =
    answer.total === all ? `${all.toLocaleString("en")} frames` : `${answer.total.toLocaleString("en")} of ${all.toLocaleString("en")}`;
  document.getElementById("progress-text").textContent = `${fixed.toLocaleString("en")} of ${all.toLocaleString("en")} looked at`;
  const bar = document.getElementById("progress");
  bar.max = Math.max(1, all);
  bar.value = fixed;
  document.getElementById("queue-problems").textContent = answer.problems.join("; ");
  document.getElementById("author").textContent = answer.author;
  document.getElementById("root").textContent = answer.root;
}

function rowAt(number) {
  const part = parts.get(Math.floor(number / PART));
  return part?.rows?.[number % PART];
}

function draw() {
  const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 4);
  const last = Math.min(queue.total, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + 4);
  const shown = [];
  for (let number = first; number < last; number += 1) {
    const part = Math.floor(number / PART);
    if (!parts.has(part)) fetchPart(part).catch(sayError);
    const row = rowAt(number);
    if (row) shown.push(drawRow(row, number));
  }
  rows.replaceChildren(...shown);
  list.setAttribute("aria-activedescendant", queue.at >= 0 ? `row-${queue.at}` : "");
}

function drawRow(row, number) {
  const percent = Math.round(100 * row.doubt);
  const made = element("div", {
    id: `row-${number}`,
    className: `row ${row.state}`,
    attributes: {
      role: "option", "aria-selected": String(number === queue.at), "aria-setsize": queue.total, "aria-posinset": number + 1,
      "aria-label": `${row.scene}, ${row.image}, doubt ${percent} %, ${row.why || "nothing stands out"}${stateText[row.state] ? `, ${stateText[row.state]}` : ""}`,
    },
  },
  element("span", { className: "name" }, element("b", {}, row.image), element("span", {}, row.scene)),
  element("span", { className: "why" }, stateText[row.state] || row.why),
  element("span", { className: "doubt" }, `${percent}`),
  element("meter", { min: 0, max: 1, value: row.doubt, attributes: { "aria-hidden": "true" } }));
  made.style.top = `${number * HEIGHT}px`;
  made.addEventListener("click", () => queue.goTo(number));
  return made;
}

queue.reload = async (keepPlace = false) => {
  turn += 1;
  parts = new Map();
  if (!keepPlace) {
    list.scrollTop = 0;
    queue.at = -1;
  }
  try {
    await fetchPart(Math.max(0, Math.floor((keepPlace ? queue.at : 0) / PART)));
  } catch (error) {
    sayError(error);
  }
};

async function fetched(number) {
  const part = Math.floor(number / PART);
  if (!parts.get(part)?.rows) await fetchPart(part);
  return rowAt(number);
}

queue.goTo = async (number) => {
  if (number < 0 || number >= queue.total) return false;
  try {
    const row = await fetched(number);
    if (!row) return false;
    queue.at = number;
    const y = number * HEIGHT;
    if (y < list.scrollTop) list.scrollTop = y;
    else if (y + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = y + HEIGHT - list.clientHeight;
    draw();
    await queue.open(row.scene, row.image);
    return true;
  } catch (error) {
    sayError(error);
    return false;
  }
};
queue.step = (by) => queue.goTo(queue.at + by);

// After a save the row stays where it is and shows its new state.
queue.refresh = (facts) => {
  for (const part of parts.values()) {
    for (const row of part.rows ?? []) {
      if (row.scene === facts.scene && row.image === facts.image) row.state = facts.draft ? "draft" : facts.fix ? "fixed" : "open";
    }
  }
  draw();
};
queue.recount = async () => {
  try {
    const { counts, ...rest } = await getJson("queue", { ...asked(), start: 0, count: 0 });
    setFacts({ ...rest, counts, total: queue.total });
  } catch (error) {
    sayError(error);
  }
};

list.addEventListener("scroll", draw);
new ResizeObserver(draw).observe(list);
list.addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
  if (by === undefined) return;
  event.preventDefault();
  queue.goTo(Math.min(queue.total - 1, Math.max(0, queue.at + by)));
});
let typing = 0;
words.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => queue.reload(), 200);
});
rank.addEventListener("change", () => queue.reload());
for (const chip of chips) {
  chip.addEventListener("click", () => {
    show = chip.dataset.show;
    for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
    queue.reload();
  });
}
