// The page: wires queue, frame, tools and keys together.

import { flip, forget, frame, edit, onFrame, openFrame, save, select, showLayer } from "./frame.js";
import "./film.js";
import { addKeys, listen, showHelp } from "./keys.js";
import { actions } from "./panel.js";
import { queue } from "./queue.js";
import { say, sayError } from "./say.js";
import { choose, drop, setRadius, takeBack, TOOLS, tools, use } from "./tools.js";
import { view } from "./view.js";

const byId = (id) => document.getElementById(id);

// Light and dark: as the system has it, until the reader says otherwise.
{
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => byId("theme").setAttribute("aria-pressed", String(isDark()));
  const kept = localStorage.getItem("autorefiner-theme");
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("autorefiner-theme", root.dataset.theme);
    show();
  });
  system.addEventListener("change", show);
  show();
}

// The token has done its work once the page is there; addresses get copied.
if (location.search) history.replaceState(null, "", `./${location.hash}`);

// Deciding

const whenOpen = (action) => () => (frame.facts ? action() : say("Open a frame first."));
const step = (by) => queue.step(by).then((went) => went || say(by > 0 ? "This is the last frame." : "This is the first frame."));
const decide = (how) => whenOpen(async () => {
  if (await save(how)) await step(1);
});
const acts = {
  save: whenOpen(() => save("edited")),
  accept: decide("accepted"),
  coarse: decide("coarse"),
  undo: whenOpen(async () => (await takeBack()) || edit({ kind: "undo" }, "Undone.")),
  redo: whenOpen(() => edit({ kind: "redo" }, "Done again.")),
};
for (const [name, act] of Object.entries(acts)) byId(name).addEventListener("click", act);
byId("reset-refined").addEventListener("click", whenOpen(() => edit({ kind: "reset", to: "refined" }, "The refined ids again.")));
byId("reset-coarse").addEventListener("click", whenOpen(() => edit({ kind: "reset", to: "coarse" }, "The coarse ids.")));
byId("drop-draft").addEventListener("click", whenOpen(() => forget("draft")));
byId("remove-fix").addEventListener("click", whenOpen(() => forget("fix")));

onFrame((what) => {
  const { facts } = frame;
  if (!facts) return;
  byId("title").textContent = facts.image;
  byId("subtitle").textContent = `${facts.scene} · ${facts.width} × ${facts.height}`;
  document.title = `${facts.scene}/${facts.image} · Review`;
  const state = facts.draft ? "draft" : facts.fix ? "fixed" : "open";
  byId("state").textContent = { draft: "not saved", fixed: "fixed", open: "" }[state];
  byId("state").className = `badge ${state}`;
  byId("fix-text").textContent = [
    facts.fix && `Fixed by ${facts.fix.author}, ${new Date(facts.fix.made).toLocaleString()}${facts.fix.note ? `: ${facts.fix.note}` : ""}.`,
    facts.draft && facts.note && `Draft: ${facts.note}.`,
  ].filter(Boolean).join(" ");
  byId("undo").disabled = !facts.undo && !frame.asked;
  byId("redo").disabled = !facts.redo;
  byId("drop-draft").disabled = !facts.draft;
  byId("remove-fix").disabled = !facts.fix;
  byId("reset-refined").disabled = !facts.layers.includes("refined");
  view.canvas.setAttribute("aria-label", `${facts.image} of ${facts.scene} with its ids`);
  if (what === "saved") queue.recount();
  if (what === "saved" || what === "changed") queue.refresh(facts);
});

// Seeing

byId("opacity").addEventListener("input", (event) => view.setOpacity(Number(event.target.value) / 100));
view.onZoom = (scale) => { byId("zoom").textContent = `${Math.round(100 * scale)} %`; };
byId("zoom-in").addEventListener("click", () => view.zoomAt(1.4));
byId("zoom-out").addEventListener("click", () => view.zoomAt(1 / 1.4));
byId("zoom-fit").addEventListener("click", view.fit);

// Keys

addKeys("Frames", [
  { keys: ["J"], text: "next frame of the queue", action: () => step(1) },
  { keys: ["K"], text: "previous frame", action: () => step(-1) },
  { keys: ["A"], text: "accept as it is, and go on", action: acts.accept },
  { keys: ["C"], text: "keep the coarse ids, and go on", action: acts.coarse },
  { keys: ["S", "Ctrl S"], text: "save the fix", action: acts.save },
  { keys: ["U", "Ctrl Z"], text: "take the last click back, else undo", action: acts.undo },
  { keys: ["⇧ U", "Ctrl ⇧ Z", "Ctrl Y"], text: "do it again", action: acts.redo },
]);
addKeys("Seeing", [
  { keys: ["1"], text: "the image alone", action: whenOpen(() => showLayer("none")) },
  { keys: ["2"], text: "coarse ids", action: whenOpen(() => showLayer("coarse")) },
  { keys: ["3"], text: "refined ids", action: whenOpen(() => showLayer("refined")) },
  { keys: ["4"], text: "the fix that is being made", action: whenOpen(() => showLayer("edited")) },
  { keys: ["F"], text: "flip between the last two", action: whenOpen(flip) },
  { keys: ["+", "="], text: "zoom in; the wheel zooms, too", action: () => view.zoomAt(1.4) },
  { keys: ["-"], text: "zoom out", action: () => view.zoomAt(1 / 1.4) },
  { keys: ["0"], text: "all of the image", action: view.fit },
  { keys: ["Space"], text: "hold and drag to move the image" },
]);
addKeys("Tools", [
  ...TOOLS.map((tool) => ({ keys: [tool.key], text: tool.title.toLowerCase().replace("sam", "SAM"), action: () => choose(tool.name) })),
  { keys: ["["], text: "smaller brush", action: () => setRadius(tools.radius / 1.25) },
  { keys: ["]"], text: "larger brush", action: () => setRadius(tools.radius * 1.25 + 0.5) },
  { keys: ["Enter"], text: "the mask is the object’s shape", action: () => use("replace") },
  { keys: ["⇧ Enter"], text: "add the mask to the object", action: () => use("add") },
  { keys: ["Esc"], text: "drop the clicks, or the selection", action: () => (frame.asked ? drop() : select(0)) },
  { keys: ["Right button", "Alt"], text: "a click outside the object; a drag draws a box" },
]);
addKeys("The selected object", [
  { keys: ["N"], text: "a new object, with an id that the scene has not used", action: whenOpen(actions.fresh) },
  { keys: ["R"], text: "another id", action: whenOpen(actions.relabel) },
  { keys: ["X"], text: "split into its parts", action: whenOpen(actions.split) },
  { keys: ["T"], text: "take it from the left neighbour, where nothing is; all, if none is selected", action: whenOpen(() => actions.take(-1, false)) },
  { keys: ["⇧ T"], text: "the same from the right neighbour", action: whenOpen(() => actions.take(1, false)) },
  { keys: ["Ctrl ArrowLeft"], shown: ["Ctrl ←"], text: "take it from the left, over what is there", action: whenOpen(() => actions.take(-1, true)) },
  { keys: ["Ctrl ArrowRight"], shown: ["Ctrl →"], text: "the same from the right", action: whenOpen(() => actions.take(1, true)) },
  { keys: ["Del"], text: "remove it", action: whenOpen(actions.remove) },
]);
addKeys("Without a mouse, on the image", [
  { keys: ["←", "→", "↑", "↓"], text: "move the crosshair; with ⇧ by a pixel" },
  { keys: ["."], text: "use the tool there, inside the object" },
  { keys: [","], text: "a click outside the object" },
  { keys: ["?"], text: "this sheet", action: showHelp },
]);
listen();
choose("select");

queue.open = openFrame;
await view.loadPalette().catch(sayError);
await queue.reload();
const [scene, image] = location.hash.slice(1).split("/").map(decodeURIComponent);
if (scene && image) await openFrame(scene, image);
else await queue.goTo(0);
