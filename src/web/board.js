// A board on a canvas: tiles, armies, fog, the chosen tile and the queued arrows. It can be dragged and zoomed.

import { CITY, DESERT, GENERAL, LOOKOUT, MOUNTAIN, OBSERVATORY, OBSTACLE, SWAMP, inSight, kindOf, known, ownerOf } from "./cells.js";
import { boardColours, seatColour } from "./palette.js";

const MARGIN = 14; // around a board that fits, pixels
const SMALLEST = 9, LARGEST = 72; // tiles, pixels
const READABLE = 22, CLOSE = 30; // a tile whose armies can be read, and one to zoom in to
const DRAG = 6; // pixels that make a press a drag

export class Board {
  // onTile(tile, event) is called for a click on a tile, onMove after the board was dragged or zoomed.
  constructor(canvas, { onTile = () => {} } = {}) {
    this.canvas = canvas;
    canvas.board = this; // what is drawn can be asked for: a canvas has no elements to look at
    this.context = canvas.getContext("2d");
    this.onTile = onTile;
    this.cells = null;
    this.chosen = -1;
    this.half = false;
    this.arrows = []; // [start, end, half]
    this.size = 0; // of a tile; 0: as large as fits
    this.left = this.top = 0;
    this.colours = boardColours();
    this.pointers = new Map();
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    canvas.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.#move(event), { signal });
    canvas.addEventListener("pointerup", (event) => this.#up(event), { signal });
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId), { signal });
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    window.addEventListener("themechange", () => this.#recolour(), { signal });
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(canvas);
  }

  close() {
    this.listeners.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  show(cells) {
    const anew = !this.cells || this.cells.height !== cells.height || this.cells.width !== cells.width;
    this.cells = cells;
    if (anew) this.fit();
    else this.draw();
  }

  fit() {
    this.size = 0;
    this.#place();
    this.draw();
  }

  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const before = this.tileSize, after = Math.min(LARGEST, Math.max(SMALLEST, before * factor));
    this.left = x - ((x - this.left) * after) / before;
    this.top = y - ((y - this.top) * after) / before;
    this.size = after;
    this.#keep();
    this.draw();
  }

  // Brings a tile to the middle, large enough to be read.
  centre(tile) {
    if (!this.cells || tile < 0) return;
    if (this.tileSize < READABLE) this.size = CLOSE;
    const size = this.tileSize;
    this.left = this.canvas.clientWidth / 2 - ((tile % this.cells.width) + 0.5) * size;
    this.top = this.canvas.clientHeight / 2 - (Math.floor(tile / this.cells.width) + 0.5) * size;
    this.#keep();
    this.draw();
  }

  get tileSize() {
    return this.size || this.fitting;
  }

  // The middle of a tile in pixels of the canvas.
  middle(tile) {
    const size = this.tileSize, { width } = this.cells;
    return [this.left + ((tile % width) + 0.5) * size, this.top + (Math.floor(tile / width) + 0.5) * size];
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.#paint());
  }

  #recolour() {
    this.colours = boardColours();
    this.draw();
  }

  #resize() {
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * scale);
    this.scale = scale;
    if (!this.cells) return;
    if (!this.size) this.#place();
    this.#keep();
    this.#paint();
  }

  #place() {
    if (!this.cells) return;
    const { clientWidth, clientHeight } = this.canvas, { width, height } = this.cells;
    const room = Math.min((clientWidth - 2 * MARGIN) / width, (clientHeight - 2 * MARGIN) / height);
    this.fitting = Math.max(SMALLEST, Math.min(LARGEST, Math.floor(room)));
    this.left = (clientWidth - this.fitting * width) / 2;
    this.top = (clientHeight - this.fitting * height) / 2;
  }

  // Keeps the board in reach: in the middle where it fits, else without more than a margin beyond its edges.
  #keep() {
    const { clientWidth, clientHeight } = this.canvas, size = this.tileSize;
    const within = (at, room, long) => (long + 2 * MARGIN <= room ? (room - long) / 2 : Math.max(room - MARGIN - long, Math.min(MARGIN, at)));
    this.left = within(this.left, clientWidth, size * this.cells.width);
    this.top = within(this.top, clientHeight, size * this.cells.height);
  }

  #tileAt(event) {
    if (!this.cells) return -1;
    const box = this.canvas.getBoundingClientRect(), size = this.tileSize;
    const column = Math.floor((event.clientX - box.left - this.left) / size);
    const row = Math.floor((event.clientY - box.top - this.top) / size);
    const inside = row >= 0 && column >= 0 && row < this.cells.height && column < this.cells.width;
    return inside ? row * this.cells.width + column : -1;
  }

  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.dragging = this.pointers.size > 1;
    this.start = { x: event.clientX, y: event.clientY };
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || !this.cells) return;
    const now = { x: event.clientX, y: event.clientY };
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const box = this.canvas.getBoundingClientRect();
      const apart = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
      this.zoom(apart(now) / apart(before), (now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top);
    } else if (this.dragging || Math.hypot(now.x - this.start.x, now.y - this.start.y) > DRAG) {
      this.dragging = true;
      this.size = this.tileSize;
      this.left += now.x - before.x;
      this.top += now.y - before.y;
      this.#keep();
      this.draw();
    }
    this.pointers.set(event.pointerId, now);
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
    if (this.dragging) return;
    const tile = this.#tileAt(event);
    if (tile >= 0) this.onTile(tile, event);
  }

  #wheel(event) {
    event.preventDefault();
    const box = this.canvas.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
  }

  #paint() {
    const { context: g, colours } = this;
    g.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    g.fillStyle = colours.ground;
    g.fillRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    if (!this.cells) return;
    const size = this.tileSize, gap = size > 20 ? 1 : 0.5, corner = Math.min(4, size / 8);
    const { width, looks, armies } = this.cells;
    g.textAlign = "center";
    g.textBaseline = "middle";
    for (let tile = 0; tile < looks.length; tile++) {
      const x = this.left + (tile % width) * size, y = this.top + Math.floor(tile / width) * size;
      if (x + size < 0 || y + size < 0 || x > this.canvas.clientWidth || y > this.canvas.clientHeight) continue;
      this.#tile(g, looks[tile], armies[tile], x, y, size, gap, corner);
    }
    this.#arrows(g, size);
    if (this.chosen >= 0) this.#ring(g, size);
  }

  #tile(g, look, army, x, y, size, gap, corner) {
    const { colours } = this, kind = kindOf(look), owner = ownerOf(look), seen = inSight(look);
    let fill = colours.plain;
    if (!seen) fill = colours.fog;
    else if (owner >= 0) fill = seatColour(owner);
    else if (kind === CITY) fill = colours.neutral;
    else if (kind === MOUNTAIN || kind === LOOKOUT || kind === OBSERVATORY) fill = colours.mountain;
    else if (kind === SWAMP) fill = colours.swamp;
    else if (kind === DESERT) fill = colours.desert;
    else if (army !== 0) fill = colours.neutral;
    g.fillStyle = fill;
    g.beginPath();
    g.roundRect(x + gap / 2, y + gap / 2, size - gap, size - gap, corner);
    g.fill();
    const mark = seen ? (owner >= 0 || kind === CITY ? "rgb(255 255 255 / 38%)" : colours.mark) : colours.fogMark;
    if (kind !== 0 && !(kind === DESERT && seen)) symbol(g, kind, x + size / 2, y + size / 2, size, mark, !seen && !known(look));
    if (!seen || army === 0) return;
    const text = army > 9999 ? `${Math.floor(army / 1000)}k` : String(army);
    const points = Math.min(size * 0.46, (size * 1.55) / Math.max(2, text.length));
    if (points < 5) return;
    g.font = `650 ${points}px system-ui, sans-serif`;
    const pale = owner < 0 && (kind === SWAMP || kind === DESERT);
    g.fillStyle = pale ? colours.ink : "#ffffff";
    g.fillText(text, x + size / 2, y + size / 2 + points * 0.06);
  }

  #ring(g, size) {
    const x = this.left + (this.chosen % this.cells.width) * size;
    const y = this.top + Math.floor(this.chosen / this.cells.width) * size;
    g.lineWidth = Math.max(2, size / 12);
    g.strokeStyle = "#000";
    g.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
    g.strokeStyle = "#fff";
    g.setLineDash(this.half ? [size / 5, size / 8] : []);
    g.strokeRect(x + 2, y + 2, size - 4, size - 4);
    g.setLineDash([]);
    if (this.half && size >= 18) {
      g.font = `700 ${size * 0.28}px system-ui, sans-serif`;
      g.fillStyle = "#fff";
      g.strokeText("50%", x + size / 2, y + size * 0.84);
      g.fillText("50%", x + size / 2, y + size * 0.84);
    }
  }

  #arrows(g, size) {
    for (const [start, end, half] of this.arrows) {
      const [x, y] = this.middle(start), [toX, toY] = this.middle(end);
      g.save();
      g.translate((x + toX) / 2, (y + toY) / 2);
      g.rotate(Math.atan2(toY - y, toX - x));
      g.lineCap = g.lineJoin = "round";
      for (const [colour, wide] of [["rgb(0 0 0 / 80%)", size / 10 + 2.5], ["#fff", size / 11]]) {
        g.strokeStyle = colour;
        g.lineWidth = Math.max(1.5, wide);
        g.setLineDash(half ? [size / 10, size / 5] : []);
        g.beginPath();
        g.moveTo(-size * 0.3, 0);
        g.lineTo(size * 0.26, 0);
        g.stroke();
        g.setLineDash([]);
        g.beginPath();
        g.moveTo(size * 0.1, -size * 0.14);
        g.lineTo(size * 0.28, 0);
        g.lineTo(size * 0.1, size * 0.14);
        g.stroke();
      }
      g.restore();
    }
  }
}

// What a kind of tile looks like, drawn around (x, y).
function symbol(g, kind, x, y, size, colour, unsure) {
  const u = size / 20;
  g.fillStyle = g.strokeStyle = colour;
  g.beginPath();
  const path = (...points) => points.forEach(([px, py], i) => (i ? g.lineTo(x + px * u, y + py * u) : g.moveTo(x + px * u, y + py * u)));
  if (kind === MOUNTAIN || kind === OBSTACLE) {
    path([-7.5, 6], [-2, -4], [0.4, 0], [2.6, -2.6], [7.5, 6]);
  } else if (kind === CITY) {
    path([-6, 7], [-6, -6], [-3.6, -6], [-3.6, -3.6], [-1.4, -3.6], [-1.4, -6], [1.4, -6], [1.4, -3.6], [3.6, -3.6], [3.6, -6], [6, -6], [6, 7]);
  } else if (kind === GENERAL) {
    path([-7, 5.5], [-7.6, -4], [-3.4, -0.4], [0, -6.6], [3.4, -0.4], [7.6, -4], [7, 5.5]);
  } else if (kind === SWAMP) {
    for (const dy of [-4, 0, 4]) {
      g.moveTo(x - 6 * u, y + dy * u);
      g.quadraticCurveTo(x - 3 * u, y + (dy - 3) * u, x, y + dy * u);
      g.quadraticCurveTo(x + 3 * u, y + (dy + 3) * u, x + 6 * u, y + dy * u);
    }
    g.lineWidth = Math.max(1, u * 1.3);
    g.stroke();
    return;
  } else if (kind === LOOKOUT || kind === OBSERVATORY) {
    path([-5, 7], [-2, -2], [-5, -2], [-5, -6], [5, -6], [5, -2], [2, -2], [5, 7]);
  } else if (kind === DESERT) {
    g.arc(x - 3 * u, y + 3 * u, 1.2 * u, 0, 7);
    g.arc(x + 4 * u, y - 3 * u, 1.2 * u, 0, 7);
  }
  g.closePath();
  g.globalAlpha = unsure ? 0.85 : 1;
  g.fill();
  g.globalAlpha = 1;
}
