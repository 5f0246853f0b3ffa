// The tools on the canvas: selecting, clicks for SAM, brush, eraser, fill, merge; for mouse, pen and keys.

import { askForMask, dropMask, edit, frame, freeId, onFrame, prepare, select, useMask } from "./frame.js";
import { element, say, sayError } from "./say.js";
import { view } from "./view.js";

export const TOOLS = [
  { name: "select", key: "V", title: "Select", icon: "M5 3l11 9-5 .8L14 18l-2.4 1.2-2.9-5.3L5 17z" },
  { name: "click", key: "P", title: "Clicks for SAM", icon: "M12 3v4M12 17v4M3 12h4M17 12h4M12 9.5v5M9.5 12h5" },
  { name: "brush", key: "B", title: "Brush", icon: "M19 3c-4 1.5-8 6-9.5 9.5l2 2C15 13 19.500 9 21 5zM8.500 13.500c-3 .5-2.500 4-5.500 5.500 3.500 1.500 7 .5 7.500-3.500z" },
  { name: "erase", key: "E", title: "Eraser", icon: "M14 4l6 6-9 9H6l-3-3zM8.500 9.500l6 6M11 19h9" },
  { name: "fill", key: "G", title: "Fill what is connected", icon: "M9 3l9 9-7.500 7L3 11.500zM3.500 11.500h14M20 15c1.500 2.500 1.500 4 0 4s-1.500-1.500 0-4" },
  { name: "merge", key: "M", title: "Merge into the selected object", icon: "M4 5c5 0 5 7 9 7h7M4 19c5 0 5-7 9-7M17 9l3 3-3 3" },
];

export const tools = { current: "select", radius: 14 };
const bar = document.getElementById("tools");
const offer = document.getElementById("mask-offer");
let points = [], area = null, drag = null, crosshair = null, isSpace = false;

// Choosing a tool

const buttons = new Map(TOOLS.map((tool) => {
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  path.setAttribute("d", tool.icon);
  icon.append(path);
  const button = element("button", {
    type: "button", title: `${tool.title} (${tool.key})`,
    attributes: { "aria-label": tool.title, "aria-keyshortcuts": tool.key, "aria-pressed": "false" },
  }, icon, element("kbd", {}, tool.key));
  button.addEventListener("click", () => choose(tool.name));
  bar.append(button);
  return [tool.name, button];
}));

export function choose(name) {
  tools.current = name;
  for (const [each, button] of buttons) button.setAttribute("aria-pressed", String(each === name));
  document.getElementById("stage").dataset.tool = name;
  document.getElementById("radius-label").hidden = name !== "brush" && name !== "erase";
  if (name !== "click") clear();
  if (name === "click") prepare();
  if (name !== "brush" && name !== "erase") view.setStroke(null);
}

export function setRadius(value) {
  tools.radius = Math.min(120, Math.max(1, Math.round(value)));
  document.getElementById("radius").value = tools.radius;
  document.getElementById("radius-value").textContent = tools.radius;
}
document.getElementById("radius").addEventListener("input", (event) => setRadius(Number(event.target.value)));

function clear() {
  points = [];
  area = null;
  dropMask();
}
export const drop = clear;

// Takes the last click back, else the box; returns whether there was one.
export async function takeBack() {
  if (!points.length && !area) return false;
  if (points.length) points.pop();
  else area = null;
  if (points.length || area) {
    view.setClicks(points, area);
    await askForMask(points, area);
  } else {
    clear();
  }
  say("The last click is taken back.");
  return true;
}

export async function use(how) {
  await useMask(how);
  if (!frame.asked) clear();
}

// What a tool does at a place

async function act(point, isInside) {
  if (!frame.facts || !view.isInside(point)) return;
  const id = view.idAt(point);
  switch (tools.current) {
    case "select":
      select(id);
      say(id ? `Object ${id}` : "No object here");
      break;
    case "click":
      // The first click says which object is meant; N asks for a new one.
      if (!frame.selected && !points.length && isInside && id) select(id);
      points.push({ point, isInside });
      view.setClicks(points, area);
      await askForMask(points, area);
      break;
    case "brush":
    case "erase":
      await paint([point]);
      break;
    case "fill": {
      const target = await needSelected();
      if (target) await edit({ kind: "fill", id: target, row: Math.floor(point[1]), column: Math.floor(point[0]) }, `Filled with object ${target}.`);
      break;
    }
    case "merge":
      if (!frame.selected) say("Select the object that is to remain first (V).");
      else if (!id || id === frame.selected) say("Click another object.");
      else await edit({ kind: "merge", old: id, new: frame.selected }, `Object ${id} is part of ${frame.selected} now.`);
      break;
  }
}

async function needSelected() {
  if (frame.selected) return frame.selected;
  const free = await freeId();
  if (free) {
    select(free.id);
    say(`New object ${free.id}`);
  }
  return free?.id;
}

async function paint(line) {
  const isErasing = tools.current === "erase";
  const id = isErasing ? 0 : await needSelected();
  if (id === undefined) return view.setStroke(null);
  return edit({ kind: "brush", id, points: line, radius: tools.radius }, isErasing ? "Erased." : `Painted object ${id}.`);
}

// Mouse and pen

const { canvas } = view;
const isPan = (event) => event.button === 1 || isSpace || (tools.current === "select" && event.shiftKey);

canvas.addEventListener("pointerdown", (event) => {
  if (!frame.facts) return;
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  const point = view.toWorld(event);
  const kind = isPan(event) ? "pan" : tools.current;
  drag = { kind, start: point, line: [point], x: event.clientX, y: event.clientY, moved: false, isInside: event.button !== 2 && !event.altKey };
  crosshair = null;
  view.setCrosshair(null);
  if (kind === "brush" || kind === "erase") showStroke();
});

canvas.addEventListener("pointermove", (event) => {
  const point = view.toWorld(event);
  if (!drag) {
    if (tools.current === "brush" || tools.current === "erase") view.setStroke({ points: [point], radius: tools.radius, isCursor: true });
    return;
  }
  drag.moved ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4;
  if (drag.kind === "pan" || (drag.kind === "select" && drag.moved)) {
    view.pan(event.movementX, event.movementY);
  } else if (drag.kind === "click" && drag.moved) {
    view.setClicks(points, boxOf(drag.start, point));
  } else if (drag.kind === "brush" || drag.kind === "erase") {
    const [x, y] = drag.line.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) >= Math.max(0.5, tools.radius / 5) && drag.line.length < 4900) drag.line.push(point);
    showStroke();
  }
});

canvas.addEventListener("pointerup", (event) => {
  const ended = drag;
  drag = null;
  if (!ended || ended.kind === "pan") return;
  const point = view.toWorld(event);
  if (ended.kind === "brush" || ended.kind === "erase") {
    paint(ended.line).catch(sayError);
  } else if (ended.kind === "click" && ended.moved) {
    area = boxOf(ended.start, point);
    view.setClicks(points, area);
    askForMask(points, area);
  } else if (!ended.moved) {
    act(point, ended.isInside).catch(sayError);
  }
});
canvas.addEventListener("pointercancel", () => { drag = null; view.setStroke(null); });
canvas.addEventListener("pointerleave", () => { if (!drag) view.setStroke(null); });
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const place = canvas.getBoundingClientRect();
  view.zoomAt(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - place.left, event.clientY - place.top);
}, { passive: false });

function showStroke() {
  const colour = tools.current === "erase" ? "#fff" : frame.selected ? view.colourOf(frame.selected) : "#5cc5bd";
  view.setStroke({ points: drag.line, radius: tools.radius, colour });
}

function boxOf([x0, y0], [x1, y1]) {
  return [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)];
}

// Keys on the canvas: arrows move a crosshair, and a key acts at it

canvas.addEventListener("keydown", (event) => {
  if (event.key === " ") {
    isSpace = true;
    event.preventDefault();
    return;
  }
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (by && frame.facts && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const step = (event.shiftKey ? 1 : 12) / Math.min(1, view.scale());
    const [columns, rows] = view.size();
    const [x, y] = crosshair ?? [columns / 2, rows / 2];
    crosshair = [Math.min(columns - 0.5, Math.max(0.5, x + by[0] * step)), Math.min(rows - 0.5, Math.max(0.5, y + by[1] * step))];
    view.setCrosshair(crosshair);
    const id = view.idAt(crosshair);
    canvas.setAttribute("aria-valuetext", id ? `object ${id}` : "no object");
    return;
  }
  if ((event.key === "." || event.key === ",") && crosshair) {
    event.preventDefault();
    act(crosshair, event.key === ".").catch(sayError);
  }
});
canvas.addEventListener("keyup", (event) => { if (event.key === " ") isSpace = false; });
canvas.addEventListener("blur", () => { isSpace = false; });

// The mask that SAM answered with

onFrame((what) => {
  if (what === "opened") {
    points = [];
    area = crosshair = null;
    view.setCrosshair(null);
    if (tools.current === "click") prepare();
  }
  if (what === "opened" || what === "asked" || what === "selected") {
    offer.hidden = !frame.asked;
    if (frame.asked) {
      const target = frame.selected ? `Object ${frame.selected}` : "A new object";
      document.getElementById("mask-text").textContent = `${target}, rated ${frame.asked.rating.toFixed(2)}`;
    }
  }
});
for (const button of offer.querySelectorAll("[data-how]")) button.addEventListener("click", () => use(button.dataset.how));
document.getElementById("mask-drop").addEventListener("click", clear);
document.getElementById("mask-back").addEventListener("click", takeBack);
