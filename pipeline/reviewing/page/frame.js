// The open frame: loading it, its layers, and what changes its ids. Edits go to the server one after another.

import { getBlob, getJson, getNumbers, postForBytes, postForNumbers, postJson, Refused } from "./server.js";
import { during, say, sayError } from "./say.js";
import { view } from "./view.js";

export const frame = { facts: null, layer: "edited", selected: 0, asked: null };
const listeners = [];
const maps = new Map();
let work = Promise.resolve(), opening = 0, before = "refined";

export const onFrame = (listener) => listeners.push(listener);
const tell = (what) => { for (const listener of listeners) listener(what); };
const named = () => ({ scene: frame.facts.scene, image: frame.facts.image });
const layerName = { none: "no ids", coarse: "coarse ids", refined: "refined ids", fixed: "the saved fix", edited: "the fix being made" };

export async function openFrame(scene, image) {
  const turn = (opening += 1);
  try {
    await during("opening", (async () => {
      const about = { scene, image };
      const [facts, blob] = await Promise.all([getJson("frame/facts", about), getBlob("frame/image", about)]);
      const [bitmap, edited] = await Promise.all([createImageBitmap(blob), getNumbers("frame/ids", { ...about, layer: "edited" })]);
      if (turn !== opening) return;
      maps.clear();
      maps.set("edited", edited.numbers);
      Object.assign(frame, { facts, selected: 0, asked: null, layer: "edited" });
      before = facts.layers.includes("refined") ? "refined" : "coarse";
      history.replaceState(null, "", `#${encodeURIComponent(scene)}/${encodeURIComponent(image)}`);
      view.setFrame(bitmap, facts.columns, facts.rows);
      view.showIds(true);
      view.setIds(edited.numbers);
      view.select(0);
      tell("opened");
      if (facts.outdated && facts.draft) say("Somebody else fixed this frame since your draft was begun; saving will ask.", true);
      else if (facts.draft && facts.note) say(`Your draft goes on: ${facts.note}`);
      else if (facts.problem) say(facts.problem);
    })());
  } catch (error) {
    if (turn === opening) sayError(error);
  }
}

// Layers

export async function showLayer(layer) {
  if (!frame.facts || (layer !== "none" && !frame.facts.layers.includes(layer))) {
    say(`There are no ${layer} ids of this frame.`);
    return;
  }
  try {
    if (layer !== "none" && !maps.has(layer)) {
      maps.set(layer, (await getNumbers("frame/ids", { ...named(), layer })).numbers);
    }
  } catch (error) {
    sayError(error);
    return;
  }
  if (layer !== frame.layer) before = frame.layer;
  frame.layer = layer;
  view.showIds(layer !== "none");
  if (layer !== "none") view.setIds(maps.get(layer));
  tell("layer");
  say(`Shown: ${layerName[layer]}`);
}
export const flip = () => showLayer(before);

// The selected object

export function select(id) {
  frame.selected = id;
  view.select(id);
  tell("selected");
}

// Editing

function apply(answer) {
  const { numbers, box, ...facts } = answer;
  Object.assign(frame.facts, facts);
  if (box) {
    if (frame.layer === "edited") view.patch(numbers, box);
    else patch(maps.get("edited"), numbers, box);
  }
  tell("changed");
  return box;
}

function patch(ids, numbers, [x, y, width, height]) {
  const [columns] = view.size();
  for (let row = 0; row < height; row += 1) {
    ids.set(numbers.subarray(row * width, (row + 1) * width), (y + row) * columns + x);
  }
}

// Runs after all edits before it, on the frame that was open when it was asked for.
function inTurn(step) {
  const { facts } = frame;
  work = work.then(async () => {
    if (!facts || frame.facts !== facts) return undefined;
    try {
      return await step();
    } catch (error) {
      await handle(error);
      return undefined;
    }
  });
  return work;
}

async function handle(error) {
  sayError(error);
  if (error instanceof Refused && error.answer.why === "outdated") {
    await openFrame(frame.facts.scene, frame.facts.image);
  }
}

export function edit(operation, done) {
  return inTurn(async () => {
    if (frame.layer !== "edited") await showLayer("edited");
    const box = apply(await postForNumbers("edit", { ...named(), version: frame.facts.version, operation }));
    view.setStroke(null);
    say(box ? done : "That changes nothing.");
    return box;
  });
}

export const freeId = () => inTurn(() => during("looking for an id that the scene has not used", postJson("free-id", named())));

// Clicks: SAM answers with a mask, which can become the object

let asking = 0, asked = Promise.resolve();
export function askForMask(points, box) {
  asked = ask(points, box);
  return asked;
}

async function ask(points, box) {
  const turn = (asking += 1);
  const [columns, rows] = view.size();
  const share = ([x, y]) => [Math.min(1, Math.max(0, x / columns)), Math.min(1, Math.max(0, y / rows))];
  const request = {
    ...named(),
    points: points.map(({ point }) => share(point)),
    inside: points.map(({ isInside }) => isInside),
    box: box && [...share([box[0], box[1]]), ...share([box[2], box[3]])],
    id: frame.selected || null,
  };
  const { facts } = frame;
  try {
    const answer = await during("asking SAM", postForBytes("ask", request));
    if (turn !== asking || facts !== frame.facts) return;
    frame.asked = { mask: answer.mask, rating: answer.rating, area: answer.box[2] * answer.box[3] };
    view.setMask(answer.bytes, answer.box);
    tell("asked");
  } catch (error) {
    sayError(error);
  }
}

export function dropMask() {
  asking += 1;
  frame.asked = null;
  view.clearMarks();
  tell("asked");
}

export async function useMask(how) {
  await asked; // a key may come before the answer to the last click
  if (!frame.asked) return;
  const { mask } = frame.asked;
  const isNew = !frame.selected;
  if (isNew) {
    const free = await freeId();
    if (!free) return;
    select(free.id);
  }
  const id = frame.selected;
  const said = { replace: `Object ${id} has a new shape.`, add: `Added to object ${id}.`, remove: `Cut off object ${id}.` }[how];
  const box = await edit({ kind: "shape", id, mask, how }, isNew ? `New object ${id}.` : said);
  if (box !== undefined) dropMask();
}

export const prepare = () => frame.facts && postJson("prepare", named()).catch(sayError);

// Saving

export function save(how, over = false) {
  return inTurn(async () => {
    try {
      Object.assign(frame.facts, await postJson("save", { ...named(), version: frame.facts.version, how, over }));
    } catch (error) {
      if (error instanceof Refused && error.answer.why === "conflict") return settle(error.answer, how);
      throw error;
    }
    await afterSaving(how);
    say({ edited: "The fix is saved.", accepted: "Accepted.", coarse: "The coarse ids are kept." }[how]);
    return true;
  });
}

async function afterSaving(how) {
  maps.delete("fixed");
  Object.assign(frame.facts, await getJson("frame/facts", named()));
  if (how === "coarse") {
    maps.set("edited", (await getNumbers("frame/ids", { ...named(), layer: "edited" })).numbers);
    if (frame.layer === "edited") view.setIds(maps.get("edited"));
  }
  tell("saved");
}

const conflict = document.getElementById("conflict");
async function settle({ author, made }, how) {
  document.getElementById("conflict-text").textContent = made
    ? `${author} saved a fix of this frame at ${new Date(made).toLocaleString()}, after you began. Nothing was saved now, and your draft is kept.`
    : "The fix that you began from was removed. Nothing was saved now, and your draft is kept.";
  conflict.returnValue = "cancel";
  conflict.showModal();
  await new Promise((done) => { conflict.addEventListener("close", done, { once: true }); });
  if (conflict.returnValue === "mine") {
    Object.assign(frame.facts, await postJson("save", { ...named(), version: frame.facts.version, how, over: true }));
    await afterSaving(how);
    say("Your fix is saved over the other one.");
    return true;
  }
  if (conflict.returnValue === "theirs") await forgetNow("draft");
  return false;
}

async function forgetNow(what) {
  await postJson("forget", { ...named(), what });
  tell("saved");
  await openFrame(frame.facts.scene, frame.facts.image);
}
export const forget = (what) => inTurn(() => forgetNow(what));
