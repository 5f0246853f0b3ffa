// Messages: for eyes at the foot of the page, for screen readers in a live region.

const toast = document.getElementById("toast");
const alert = document.getElementById("alert");
const veil = document.getElementById("veil");
let hiding = 0;

export function say(text, isBad = false) {
  clearTimeout(hiding);
  toast.textContent = text;
  toast.classList.toggle("bad", isBad);
  toast.classList.add("shown");
  if (isBad) alert.textContent = text;
  hiding = setTimeout(() => toast.classList.remove("shown"), isBad ? 12000 : 3500);
}

export const sayError = (error) => say(error.message, true);

// Shows that something takes its time, if it takes longer than a moment.
export async function during(text, work) {
  const waiting = setTimeout(() => {
    document.getElementById("veil-text").textContent = text;
    veil.hidden = false;
  }, 250);
  try {
    return await work;
  } finally {
    clearTimeout(waiting);
    veil.hidden = true;
  }
}

export function element(tag, properties = {}, ...parts) {
  const made = document.createElement(tag);
  const { dataset, attributes, ...rest } = properties;
  Object.assign(made, rest);
  Object.assign(made.dataset, dataset);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  made.append(...parts);
  return made;
}
