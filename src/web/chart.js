// Curves over the turns of a game, and of a rating.

import { el, svg } from "./dom.js";
import { seatColour } from "./palette.js";

const WIDE = 300, HIGH = 116, PAD = { left: 32, right: 4, top: 8, bottom: 18 };

// One line a seat. onSeek(turn) is called when the chart is pressed.
export class Curves {
  constructor(title, onSeek) {
    this.lines = svg("g");
    this.now = svg("line.now", { y1: PAD.top, y2: HIGH - PAD.bottom });
    this.top = svg("text", { x: PAD.left - 5, y: PAD.top + 9, "text-anchor": "end" });
    this.end = svg("text", { x: WIDE - PAD.right, y: HIGH - 3, "text-anchor": "end" });
    this.chart = svg("svg.chart", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": title },
      svg("line.axis", { x1: PAD.left, x2: WIDE - PAD.right, y1: HIGH - PAD.bottom, y2: HIGH - PAD.bottom }),
      this.lines, this.now, this.top, this.end);
    this.node = el("figure.stack", {}, el("figcaption.small.soft", {}, title), this.chart);
    this.node.style.margin = "0";
    this.node.style.gap = "4px";
    this.title = title;
    this.last = 1;
    const seek = (event) => {
      const box = this.chart.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDE;
      onSeek(Math.round(((x - PAD.left) / (WIDE - PAD.left - PAD.right)) * this.last));
    };
    this.chart.addEventListener("pointerdown", (event) => { this.chart.setPointerCapture(event.pointerId); seek(event); });
    this.chart.addEventListener("pointermove", (event) => event.buttons && seek(event));
  }

  // values: for each turn one number a seat.
  show(values, last, names) {
    this.last = Math.max(1, last);
    const most = Math.max(1, ...values.map((row) => Math.max(...row)));
    const step = Math.max(1, Math.floor(values.length / 400));
    this.lines.replaceChildren(...names.map((_, seat) => {
      const points = [];
      for (let turn = 0; turn < values.length; turn += step) points.push(`${this.#x(turn).toFixed(1)},${this.#y(values[turn][seat], most).toFixed(1)}`);
      return svg("polyline", { points: points.join(" "), stroke: seatColour(seat) });
    }));
    this.top.textContent = String(most);
    this.end.textContent = `turn ${last}`;
    const final = values.at(-1) ?? [];
    this.chart.setAttribute("aria-label", `${this.title} over ${last} turns; at the end ${names.map((name, seat) => `${name} ${final[seat]}`).join(", ")}`);
  }

  mark(turn) {
    const x = this.#x(turn);
    this.now.setAttribute("x1", x);
    this.now.setAttribute("x2", x);
  }

  #x(turn) {
    return PAD.left + (turn / this.last) * (WIDE - PAD.left - PAD.right);
  }

  #y(value, most) {
    return HIGH - PAD.bottom - (value / most) * (HIGH - PAD.bottom - PAD.top);
  }
}

// A rating after each of its games, the oldest first.
export function historyPlot(ratings, label) {
  const wide = 640, high = 220, left = 46, right = 10, top = 12, bottom = 26;
  const low = Math.floor((Math.min(...ratings) - 5) / 10) * 10, most = Math.ceil((Math.max(...ratings) + 5) / 10) * 10;
  const x = (i) => left + (ratings.length > 1 ? i / (ratings.length - 1) : 0.5) * (wide - left - right);
  const y = (value) => top + (1 - (value - low) / (most - low)) * (high - top - bottom);
  const marks = [low, Math.round((low + most) / 2), most];
  return svg("svg.history", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `${label}: from ${ratings[0].toFixed(0)} to ${ratings.at(-1).toFixed(0)} over ${ratings.length} games` },
    marks.flatMap((value) => [svg("line.axis", { x1: left, x2: wide - right, y1: y(value), y2: y(value) }), svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, String(value))]),
    svg("text", { x: wide - right, y: high - 6, "text-anchor": "end" }, `${ratings.length} games`),
    svg("polyline", { points: ratings.map((value, i) => `${x(i)},${y(value)}`).join(" ") }),
    svg("circle", { cx: x(ratings.length - 1), cy: y(ratings.at(-1)), r: 4 }));
}
