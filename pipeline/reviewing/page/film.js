// The filmstrip: a frame among its neighbours in the scene.

import { frame, onFrame, openFrame } from "./frame.js";
import { getBlob } from "./server.js";
import { element } from "./say.js";

const film = document.getElementById("film");
let addresses = [];

async function draw() {
  for (const address of addresses) URL.revokeObjectURL(address);
  addresses = [];
  const { scene, image, around } = frame.facts;
  const shots = around.map((name) => {
    const picture = element("img", { alt: "", width: 104, height: 78, decoding: "async" });
    const isHere = name === image;
    const shot = element("button", {
      type: "button", className: "shot",
      attributes: { "aria-label": `${name}${isHere ? ", the open frame" : ""}`, ...(isHere ? { "aria-current": "true" } : {}) },
    }, picture, element("span", {}, name));
    shot.addEventListener("click", () => { if (!isHere) openFrame(scene, name); });
    return { name, picture, shot };
  });
  film.replaceChildren(...shots.map(({ shot }) => shot));
  film.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  const at = around.indexOf(image);
  const nearestFirst = [...shots].sort((a, b) => Math.abs(around.indexOf(a.name) - at) - Math.abs(around.indexOf(b.name) - at));
  for (const { name, picture } of nearestFirst) {
    if (frame.facts.image !== image) return;
    try {
      const address = URL.createObjectURL(await getBlob("frame/thumb", { scene, image: name }));
      addresses.push(address);
      picture.src = address;
    } catch {
      picture.alt = "cannot be read";
    }
  }
}

onFrame((what) => { if (what === "opened" || what === "saved") draw(); });
