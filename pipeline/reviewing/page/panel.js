// The panel beside the image: why to look, the objects by doubt, and the selected one.

import { edit, flip, frame, freeId, onFrame, select, showLayer } from "./frame.js";
import { getJson } from "./server.js";
import { element, say, sayError } from "./say.js";
import { view } from "./view.js";

const GROUNDS = { agreement: "agreement", image: "image support", flicker: "flicker", area: "lost area", fallback: "kept coarse" };
const LAYERS = [["none", "Image"], ["coarse", "Coarse"], ["refined", "Refined"], ["edited", "Fix"]];
const doubts = document.getElementById("doubts");
const list = document.getElementById("objects");
const body = document.getElementById("selected-body");
let objects = [], turn = 0, counting = 0;

const swatch = (id) => {
  const made = element("i", { className: "swatch", attributes: { "aria-hidden": "true" } });
  made.style.background = view.colourOf(id);
  return made;
};

// Layers

const layers = document.getElementById("layers");
LAYERS.forEach(([name, title], number) => {
  const radio = element("input", { type: "radio", name: "layer", value: name });
  radio.addEventListener("change", () => showLayer(name));
  layers.append(element("label", { title: `${title} (${number + 1})` }, radio, element("span", {}, title, element("kbd", {}, String(number + 1)))));
});
function drawLayers() {
  for (const radio of layers.querySelectorAll("input")) {
    radio.checked = radio.value === frame.layer;
    radio.disabled = radio.value !== "none" && !frame.facts.layers.includes(radio.value);
  }
}

// Why to look

function drawDoubts() {
  const { facts } = frame.facts; // of the queue
  if (!facts) return doubts.replaceChildren(element("p", { className: "soft" }, "No run has this frame on record."));
  return doubts.replaceChildren(...Object.entries(GROUNDS).map(([name, title]) => {
    const value = facts.grounds[name];
    return element("div", { className: "ground" },
      element("span", {}, title),
      element("meter", { min: 0, max: 1, value, attributes: { "aria-label": `doubt by ${title}` } }),
      element("span", { className: "number" }, `${Math.round(100 * value)} %`));
  }));
}

// Objects

export async function loadObjects() {
  const ours = (turn += 1);
  try {
    const { scene, image } = frame.facts;
    const answer = await getJson("frame/objects", { scene, image });
    if (ours !== turn) return;
    objects = answer.objects;
    drawObjects();
    drawSelected();
  } catch (error) {
    sayError(error);
  }
}

function drawObjects() {
  list.replaceChildren(...objects.map((each) => {
    const row = element("div", {
      className: "object", id: `object-${each.id}`,
      attributes: {
        role: "option", "aria-selected": String(each.id === frame.selected),
        "aria-label": `object ${each.id}, doubt ${Math.round(100 * each.doubt)} %, ${each.area} pixels${each.area ? "" : ", gone"}`,
      },
    }, swatch(each.id), element("b", {}, String(each.id)),
    element("span", { className: "soft" }, each.area ? `${each.area.toLocaleString("en")} px` : "gone"),
    element("meter", { min: 0, max: 1, value: each.doubt, attributes: { "aria-hidden": "true" } }));
    row.addEventListener("click", () => choose(each.id));
    return row;
  }));
  document.getElementById("known-ids").replaceChildren(...objects.map((each) => element("option", { value: each.id })));
}

function choose(id) {
  select(id);
  view.goTo(id);
}

list.addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by || !objects.length) return;
  event.preventDefault();
  const at = objects.findIndex((each) => each.id === frame.selected);
  choose(objects[Math.min(objects.length - 1, Math.max(0, at + by))].id);
});

// The selected object

const button = (key, text, action) => {
  const made = element("button", { type: "button" }, element("kbd", {}, key), ` ${text}`);
  made.addEventListener("click", action);
  return made;
};

function drawSelected() {
  const id = frame.selected;
  for (const row of list.children) row.setAttribute("aria-selected", String(row.id === `object-${id}`));
  list.setAttribute("aria-activedescendant", id ? `object-${id}` : "");
  document.getElementById(`object-${id}`)?.scrollIntoView({ block: "nearest" });
  if (!id) {
    body.replaceChildren(element("p", { className: "soft" }, "None is selected: clicks and the brush make a new one."), button("N", "New object", actions.fresh));
    return;
  }
  const known = objects.find((each) => each.id === id);
  const facts = known
    ? [["pixels", known.area.toLocaleString("en")], ["coarse", known.coarse.toLocaleString("en")], ["IoU with coarse", known.iou.toFixed(2)], ["image support", known.support.toFixed(2)]]
    : [["pixels", "new"]];
  body.replaceChildren(
    element("p", { className: "which" }, swatch(id), element("b", {}, String(id))),
    element("dl", {}, ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))),
    element("div", { className: "actions" },
      button("R", "Relabel", actions.relabel), button("X", "Split", actions.split), button("N", "New", actions.fresh),
      button("T", "From left", () => actions.take(-1, false)), button("⇧ T", "From right", () => actions.take(1, false)),
      button("Del", "Remove", actions.remove)),
  );
}

const dialog = document.getElementById("relabel");
export const actions = {
  flip,
  async fresh() {
    const free = await freeId();
    if (!free) return;
    select(free.id);
    say(`New object ${free.id}: draw it with the brush, or click it`);
  },
  async relabel() {
    if (!frame.selected) return say("Select an object first (V).");
    const input = document.getElementById("relabel-new");
    document.getElementById("relabel-old").textContent = frame.selected;
    input.value = "";
    dialog.returnValue = "cancel";
    dialog.showModal();
    input.focus();
    await new Promise((done) => { dialog.addEventListener("close", done, { once: true }); });
    if (dialog.returnValue !== "ok") return undefined;
    const old = frame.selected, id = Number(input.value);
    await edit({ kind: "relabel", old, new: id }, `Object ${old} is ${id} now.`);
    return select(id);
  },
  async split() {
    if (!frame.selected) return say("Select an object first (V).");
    const { selected } = frame;
    return edit({ kind: "split", id: selected }, `Every part of object ${selected} but the largest is an object of its own now.`);
  },
  async remove() {
    if (!frame.selected) return say("Select an object first (V).");
    const { selected } = frame;
    await edit({ kind: "relabel", old: selected, new: 0 }, `Object ${selected} is removed.`);
    return select(0);
  },
  // The neighbour's object as it lies there: on pixels without an object, or over others, too.
  async take(by, over) {
    const { around, image } = frame.facts;
    const neighbour = around[around.indexOf(image) + by];
    if (!neighbour) return say("There is no neighbour on that side.");
    const what = frame.selected ? `Object ${frame.selected}` : "All objects";
    return edit({ kind: "take", image: neighbour, id: frame.selected || null, over }, `${what} from ${neighbour}${over ? "" : ", where this frame had none"}.`);
  },
};

onFrame((what) => {
  if (!frame.facts) return;
  if (what === "opened") {
    objects = [];
    drawObjects();
    drawDoubts();
    loadObjects();
  }
  if (what === "opened" || what === "layer" || what === "saved") drawLayers();
  if (what === "opened" || what === "selected") drawSelected();
  if (what === "changed") {
    clearTimeout(counting);
    counting = setTimeout(loadObjects, 700);
  }
});
