// Keys, and the sheet that lists them.

import { element } from "./say.js";

const help = document.getElementById("help");
const groups = [];
const actions = new Map();

// A chord is written as on the sheet: "⇧ U", "Ctrl Z", "J".
export function addKeys(title, rows) {
  groups.push([title, rows]);
  for (const { keys, action } of rows) {
    if (action) for (const chord of keys) actions.set(chord, action);
  }
}

const NAMES = { Escape: "Esc", Delete: "Del", Backspace: "Del" };
function chordOf(event) {
  const key = NAMES[event.key] ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key);
  const isLetter = /^[A-Z]$/.test(key);
  return [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.shiftKey && (isLetter || key.length > 1) ? "⇧" : "", key].filter(Boolean).join(" ");
}

export function listen() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
    const isTyping = event.target.matches("input:not([type=range], [type=radio]), select, textarea");
    if (isTyping) return;
    // Enter and space belong to the control that has the focus.
    if (event.key === "Enter" && event.target.matches("button, summary, a")) return;
    const action = actions.get(chordOf(event));
    if (!action) return;
    event.preventDefault();
    action();
  });
  document.getElementById("help-button").addEventListener("click", showHelp);
  document.getElementById("help-body").replaceChildren(...groups.map(([title, rows]) =>
    element("section", {}, element("h3", {}, title), element("dl", {}, ...rows.map(({ keys, shown, text }) =>
      element("div", {}, element("dt", {}, ...(shown ?? keys).map((key) => element("kbd", {}, key))), element("dd", {}, text)))))));
}

export const showHelp = () => help.showModal();
