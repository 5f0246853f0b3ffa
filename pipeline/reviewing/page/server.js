// What the page asks the server. Addresses are relative, so that a proxy may put a prefix before them.

const token = document.querySelector("meta[name=token]").content;

export class Refused extends Error {
  constructor(status, answer) {
    super(answer.error ?? `the server answered ${status}`);
    this.status = status;
    this.answer = answer;
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { "X-Review-Token": token, ...options?.headers } });
  } catch {
    throw new Refused(0, { error: "The server does not answer. Start it again and open the address that it prints; what was drawn is kept as a draft." });
  }
  if (response.ok) return response;
  let answer = {};
  try { answer = await response.json(); } catch { /* a proxy's own page of errors */ }
  throw new Refused(response.status, answer);
}

const withArguments = (path, named) => `${path}?${new URLSearchParams(named)}`;
const about = (response) => JSON.parse(response.headers.get("X-About") ?? "{}");

export const getJson = async (path, named = {}) => (await ask(withArguments(path, named))).json();

export const getBlob = async (path, named = {}) => (await ask(withArguments(path, named))).blob();

export async function getNumbers(path, named = {}) {
  const response = await ask(withArguments(path, named));
  return { ...about(response), numbers: new Uint16Array(await response.arrayBuffer()) };
}

export const getBytes = async (path) => new Uint8Array(await (await ask(path)).arrayBuffer());

const send = (path, body) => ask(path, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

export const postJson = async (path, body) => (await send(path, body)).json();

export async function postForNumbers(path, body) {
  const response = await send(path, body);
  return { ...about(response), numbers: new Uint16Array(await response.arrayBuffer()) };
}

export async function postForBytes(path, body) {
  const response = await send(path, body);
  return { ...about(response), bytes: new Uint8Array(await response.arrayBuffer()) };
}
