// The canvas: the image at full resolution under ids, a mask and a selection; zoom and pan.
//
// Coordinates of the world are pixels of the ids. The image is stretched over them.

import { getBytes } from "./server.js";

const canvas = document.getElementById("canvas");
const screen = canvas.getContext("2d");
// Colours as bytes of alpha, blue, green, red.
const COMES = 0xc0bdc55c, STAYS = 0x40bdc55c, GOES = 0xc84a3cf0;
const MOST_ZOOM = 40;

const layerOf = () => document.createElement("canvas");
const fill = layerOf(), edges = layerOf(), marked = layerOf(), mask = layerOf();

let colours = null;
let columns = 1, rows = 1, image = null, ids = null, isShown = true;
let scale = 1, left = 0, top = 0, opacity = 0.48, selection = 0, crosshair = null;
let clicks = [], box = null, stroke = null, pending = 0;

export const view = { canvas, onZoom: () => {} };

view.loadPalette = async () => {
  const bytes = await getBytes("palette");
  colours = new Uint32Array(65536);
  for (let id = 1; id < 65536; id += 1) {
    colours[id] = 0xff000000 | bytes[3 * id + 2] << 16 | bytes[3 * id + 1] << 8 | bytes[3 * id];
  }
};
view.colourOf = (id) => {
  const value = colours[id];
  return id ? `rgb(${value & 255} ${value >> 8 & 255} ${value >> 16 & 255})` : "transparent";
};

// What is shown

view.setFrame = (bitmap, width, height) => {
  image?.close?.();
  image = bitmap;
  columns = width;
  rows = height;
  for (const layer of [fill, edges, marked, mask]) {
    layer.width = width;
    layer.height = height;
  }
  view.clearMarks();
  fit();
};
view.setIds = (numbers) => {
  ids = numbers;
  paint(0, 0, columns, rows);
  view.select(selection);
};
view.patch = (numbers, [x, y, width, height]) => {
  for (let row = 0; row < height; row += 1) {
    ids.set(numbers.subarray(row * width, (row + 1) * width), (y + row) * columns + x);
  }
  paint(Math.max(0, x - 1), Math.max(0, y - 1), Math.min(columns, x + width + 1), Math.min(rows, y + height + 1));
  view.select(selection);
};
view.setOpacity = (value) => { opacity = value; redraw(); };
view.showIds = (shown) => { isShown = shown; redraw(); };
view.idAt = ([x, y]) => {
  const column = Math.floor(x), row = Math.floor(y);
  return ids && column >= 0 && row >= 0 && column < columns && row < rows ? ids[row * columns + column] : 0;
};
view.isInside = ([x, y]) => x >= 0 && y >= 0 && x < columns && y < rows;
view.size = () => [columns, rows];

function paint(x0, y0, x1, y1) {
  const width = x1 - x0, height = y1 - y0;
  if (width <= 0 || height <= 0) return;
  const inside = new ImageData(width, height), lines = new ImageData(width, height);
  const colour = new Uint32Array(inside.data.buffer), line = new Uint32Array(lines.data.buffer);
  for (let y = y0, at = 0; y < y1; y += 1) {
    for (let x = x0, i = y * columns + x0; x < x1; x += 1, i += 1, at += 1) {
      const id = ids[i];
      colour[at] = colours[id];
      if ((x + 1 < columns && ids[i + 1] !== id) || (y + 1 < rows && ids[i + columns] !== id)) line[at] = 0xd9ffffff;
    }
  }
  fill.getContext("2d").putImageData(inside, x0, y0);
  edges.getContext("2d").putImageData(lines, x0, y0);
  redraw();
}

// The selected object is outlined by a double line that shows on any ground.
view.select = (id) => {
  selection = id;
  const context = marked.getContext("2d");
  context.clearRect(0, 0, columns, rows);
  if (id && ids) {
    let x0 = columns, y0 = rows, x1 = -1, y1 = -1;
    for (let i = 0; i < ids.length; i += 1) {
      if (ids[i] !== id) continue;
      const x = i % columns, y = (i - x) / columns;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      if (y > y1) y1 = y;
    }
    if (x1 >= 0) outline(context, Math.max(0, x0 - 2), Math.max(0, y0 - 2), Math.min(columns, x1 + 3), Math.min(rows, y1 + 3), id);
  }
  redraw();
};

function outline(context, x0, y0, x1, y1, id) {
  const width = x1 - x0, height = y1 - y0;
  const drawn = new ImageData(width, height);
  const pixel = new Uint32Array(drawn.data.buffer);
  const has = (x, y) => x >= 0 && y >= 0 && x < columns && y < rows && ids[y * columns + x] === id;
  for (let y = y0, at = 0; y < y1; y += 1) {
    for (let x = x0; x < x1; x += 1, at += 1) {
      const here = has(x, y);
      if (here !== has(x + 1, y) || here !== has(x - 1, y) || here !== has(x, y + 1) || here !== has(x, y - 1)) {
        pixel[at] = here ? 0xffffffff : 0xff181410;
      }
    }
  }
  context.putImageData(drawn, x0, y0);
}

// A mask is shown against the selected object: what is added shines, what goes is red.
view.setMask = (bytes, area) => {
  const context = mask.getContext("2d");
  context.clearRect(0, 0, columns, rows);
  if (area && area[2] && area[3]) {
    const [x0, y0, width, height] = area;
    const drawn = new ImageData(columns, rows);
    const pixel = new Uint32Array(drawn.data.buffer);
    const has = (x, y) => x >= x0 && y >= y0 && x < x0 + width && y < y0 + height && bytes[(y - y0) * width + x - x0] > 0;
    for (let y = 0, i = 0; y < rows; y += 1) {
      for (let x = 0; x < columns; x += 1, i += 1) {
        const isOwn = selection > 0 && ids[i] === selection;
        if (!has(x, y)) {
          if (isOwn) pixel[i] = GOES;
        } else if (!has(x - 1, y) || !has(x + 1, y) || !has(x, y - 1) || !has(x, y + 1)) {
          pixel[i] = 0xffffffff;
        } else {
          pixel[i] = isOwn ? STAYS : COMES;
        }
      }
    }
    context.putImageData(drawn, 0, 0);
  }
  redraw();
};
view.setClicks = (points, area) => { clicks = points; box = area; redraw(); };
view.setStroke = (drawn) => { stroke = drawn; redraw(); };
view.setCrosshair = (point) => { crosshair = point; redraw(); };
view.clearMarks = () => { clicks = []; box = stroke = null; view.setMask(new Uint8Array(), null); };

// Zoom and pan

view.toWorld = (event) => {
  const place = canvas.getBoundingClientRect();
  return [(event.clientX - place.left - left) / scale, (event.clientY - place.top - top) / scale];
};
view.toScreen = ([x, y]) => [x * scale + left, y * scale + top];
view.scale = () => scale;
view.pan = (dx, dy) => { left += dx; top += dy; redraw(); };
view.zoomAt = (factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) => {
  const next = Math.min(MOST_ZOOM, Math.max(smallest() / 2, scale * factor));
  left = x - (x - left) * next / scale;
  top = y - (y - top) * next / scale;
  scale = next;
  view.onZoom(scale);
  redraw();
};
// What floats over the image leaves this much at its sides.
const INSET = { left: 68, right: 14, top: 56, bottom: 58 };
const across = () => canvas.clientWidth - INSET.left - INSET.right;
const down = () => canvas.clientHeight - INSET.top - INSET.bottom;
const smallest = () => Math.min(across() / columns, down() / rows);
function fit() {
  scale = Math.max(0.01, smallest());
  left = INSET.left + (across() - columns * scale) / 2;
  top = INSET.top + (down() - rows * scale) / 2;
  view.onZoom(scale);
  redraw();
}
view.fit = fit;
view.goTo = (id) => {
  let x = 0, y = 0, count = 0;
  for (let i = 0; i < ids.length; i += 1) {
    if (ids[i] !== id) continue;
    x += i % columns;
    y += Math.floor(i / columns);
    count += 1;
  }
  if (!count) return;
  const [across, down] = view.toScreen([x / count, y / count]);
  const isInSight = across > INSET.left && across < canvas.clientWidth - INSET.right
    && down > INSET.top && down < canvas.clientHeight - INSET.bottom;
  if (isInSight) return;
  left = canvas.clientWidth / 2 - x / count * scale;
  top = canvas.clientHeight / 2 - y / count * scale;
  redraw();
};

new ResizeObserver(() => {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  fit();
}).observe(canvas);

// Drawing, at most once for each picture of the screen

function redraw() {
  if (!pending) pending = requestAnimationFrame(draw);
}

function draw() {
  pending = 0;
  const ratio = devicePixelRatio || 1;
  screen.setTransform(1, 0, 0, 1, 0, 0);
  screen.clearRect(0, 0, canvas.width, canvas.height);
  if (!image) return;
  screen.setTransform(scale * ratio, 0, 0, scale * ratio, left * ratio, top * ratio);
  const isSmooth = scale < 2;
  screen.imageSmoothingEnabled = isSmooth;
  screen.imageSmoothingQuality = "high";
  screen.drawImage(image, 0, 0, columns, rows);
  if (isShown && ids) {
    screen.globalAlpha = opacity;
    screen.drawImage(fill, 0, 0);
    screen.globalAlpha = Math.min(1, 0.35 + opacity);
    screen.drawImage(edges, 0, 0);
    screen.globalAlpha = 1;
    screen.drawImage(marked, 0, 0);
  }
  screen.drawImage(mask, 0, 0);
  if (stroke) drawStroke();
  screen.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (box) drawBox();
  for (const click of clicks) drawClick(click);
  if (crosshair) drawCrosshair();
}

function drawStroke() {
  screen.globalAlpha = stroke.isCursor ? 1 : 0.6;
  screen.lineCap = screen.lineJoin = "round";
  const [first, ...others] = stroke.points;
  screen.beginPath();
  if (stroke.isCursor) {
    screen.arc(...first, stroke.radius, 0, 2 * Math.PI);
    for (const [colour, width] of [["#000b", 3], ["#fff", 1.4]]) {
      screen.strokeStyle = colour;
      screen.lineWidth = width / scale;
      screen.stroke();
    }
  } else {
    screen.moveTo(...first);
    for (const point of others.length ? others : [first]) screen.lineTo(...point);
    screen.strokeStyle = stroke.colour;
    screen.lineWidth = 2 * stroke.radius;
    screen.stroke();
  }
  screen.globalAlpha = 1;
}

function drawBox() {
  const [x0, y0] = view.toScreen([box[0], box[1]]), [x1, y1] = view.toScreen([box[2], box[3]]);
  for (const [colour, dash] of [["#000c", []], ["#fff", [6, 5]]]) {
    screen.strokeStyle = colour;
    screen.lineWidth = 1.6;
    screen.setLineDash(dash);
    screen.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
  screen.setLineDash([]);
}

function drawClick({ point, isInside }) {
  const [x, y] = view.toScreen(point);
  screen.beginPath();
  screen.arc(x, y, 7, 0, 2 * Math.PI);
  screen.fillStyle = isInside ? "#17a34a" : "#d33a2c";
  screen.fill();
  screen.strokeStyle = "#fff";
  screen.lineWidth = 2;
  screen.moveTo(x - 3.2, y);
  screen.lineTo(x + 3.2, y);
  if (isInside) {
    screen.moveTo(x, y - 3.2);
    screen.lineTo(x, y + 3.2);
  }
  screen.stroke();
}

function drawCrosshair() {
  const [x, y] = view.toScreen(crosshair);
  for (const [colour, width] of [["#000b", 4], ["#fff", 1.6]]) {
    screen.strokeStyle = colour;
    screen.lineWidth = width;
    screen.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      screen.moveTo(x + 5 * dx, y + 5 * dy);
      screen.lineTo(x + 16 * dx, y + 16 * dy);
    }
    screen.stroke();
  }
}
