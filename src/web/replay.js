// Recorded games: a match by its id, or a replay file from one's machine.

import * as api from "./api.js";
import { Board } from "./board.js";
import { Curves } from "./chart.js";
import { announcer, el, swatch, toast } from "./dom.js";
import { playerName, seatColour } from "./palette.js";
import { Recording } from "./recording.js";

const SPEEDS = [0.5, 1, 2, 4, 8, 16, 32];
const TURNS_A_SECOND = 2;

export function replayPage(root, match) {
  if (match) return openPlayer(root, (seat, first) => api.frames(match, seat, first), match);
  let close = () => {};
  let wanted = null; // the file that is being read; none once the page was left
  const input = el("input", { type: "file", accept: ".gior,.gioreplay,.json,.gz", "aria-label": "Replay file" });
  const trouble = el("p.error", { role: "alert" });
  const drop = el("div.drop", {}, el("h1", {}, "Replay"), el("p.soft", {}, "Drop a replay of generals.io (.gior, .gioreplay, .json) or the record of a match here. It is looked at and not kept."), input, trouble);
  const open = async (file) => {
    if (!file) return;
    wanted = file;
    trouble.textContent = "";
    try {
      const first = await api.readReplay(file, null, 0);
      if (wanted !== file) return;
      close = openPlayer(root, (seat, turn) => (seat === null && turn === 0 ? Promise.resolve(first) : api.readReplay(file, seat, turn)));
    } catch (error) {
      if (wanted === file) trouble.textContent = error.message;
    }
  };
  input.addEventListener("change", () => open(input.files[0]));
  for (const type of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", type === "dragover");
      if (type === "drop") open(event.dataTransfer.files[0]);
    });
  }
  root.replaceChildren(drop);
  return () => {
    wanted = null;
    close();
  };
}

function openPlayer(root, load, match) {
  const player = new Player(root, load, match);
  return () => player.close();
}

class Player {
  constructor(root, load, match) {
    this.load = load;
    this.turn = 0;
    this.playing = false;
    this.listeners = new AbortController();
    this.voice = announcer();
    root.classList.add("wide");
    this.#build(root, match);
    this.board = new Board(this.canvas);
    this.#open(null);
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.listeners.signal });
  }

  close() {
    this.listeners.abort();
    this.recording?.close();
    this.board.close();
    cancelAnimationFrame(this.frame);
  }

  #build(root, match) {
    this.canvas = el("canvas", { tabindex: "0", role: "img", "aria-label": "Board" });
    this.playButton = el("button.primary", { type: "button", "aria-label": "Play", onclick: () => this.#toggle() }, "▶");
    this.scrub = el("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Turn", oninput: () => this.seek(Number(this.scrub.value)) });
    this.speed = el("select", { "aria-label": "Speed" }, SPEEDS.map((each) => el("option", { value: each }, `${each}×`)));
    this.speed.value = "4";
    this.fog = el("select", { "aria-label": "Whose view", onchange: () => this.#open(this.fog.value === "" ? null : Number(this.fog.value)) }, el("option", { value: "" }, "All"));
    this.turnText = el("strong", { id: "turn" }, "0");
    this.badge = el("span.badge", {}, "loading");
    this.rows = el("tbody");
    this.land = new Curves("Land", (turn) => this.seek(turn));
    this.army = new Curves("Army", (turn) => this.seek(turn));
    const links = match ? el("div.row.small", {}, el("a", { href: api.recordUrl(match, "json"), download: `${match}.json` }, "Record"), el("a", { href: api.recordUrl(match, "gior"), download: `${match}.gior` }, ".gior")) : null;
    this.stage = el("div.stage", {}, this.canvas, el("div.zoom", {},
      el("button", { type: "button", "aria-label": "Zoom in", onclick: () => this.board.zoom(1.3) }, "+"),
      el("button", { type: "button", "aria-label": "Zoom out", onclick: () => this.board.zoom(1 / 1.3) }, "−"),
      el("button", { type: "button", "aria-label": "Show the whole board", onclick: () => this.board.fit() }, "⤢")));
    const bar = el("div.panel.player", { role: "group", "aria-label": "Player" },
      el("button", { type: "button", "aria-label": "A turn back", onclick: () => this.seek(this.turn - 1) }, "‹"), this.playButton,
      el("button", { type: "button", "aria-label": "A turn on", onclick: () => this.seek(this.turn + 1) }, "›"), this.scrub, this.speed, this.fog);
    const side = el("aside.side.panel.stack", { "aria-label": "Game" },
      el("div.turn", {}, el("span.soft", {}, "Turn"), this.turnText, el("span.grow"), this.badge),
      el("table", {}, el("caption.hidden-label", {}, "Players"), el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Player"), el("th.right", { scope: "col" }, "Army"), el("th.right", { scope: "col" }, "Land"))), this.rows),
      this.army.node, this.land.node, links, el("a.small", { href: "#/replay", onclick: () => match ?? location.reload() }, "Open another replay"));
    const left = el("div.stack", {}, this.stage, bar);
    left.style.gap = "10px";
    this.stage.style.flex = "1";
    root.replaceChildren(el("h1.hidden-label", {}, "Replay"), el("div.game", {}, left, side), this.voice.node);
  }

  async #open(seat) {
    this.recording?.close();
    const recording = (this.recording = new Recording(this.load, seat));
    try {
      await recording.start(() => this.#loaded());
    } catch (error) {
      if (recording.closed) return;
      toast(error.message);
      if (!recording.facts) {
        this.badge.textContent = "not here";
        this.stage.append(el("div.result", {}, el("section.panel.stack", {}, el("h2", {}, "No such record"), el("p.soft", {}, error.message), el("a.button", { href: "#/" }, "To the start"))));
      }
    }
  }

  #loaded() {
    const { facts, last } = this.recording;
    this.names = facts.names.map(playerName);
    if (this.fog.options.length === 1) this.fog.append(...this.names.map((name, seat) => el("option", { value: seat }, name)));
    this.scrub.max = facts.turns;
    const winner = facts.winner;
    this.badge.textContent = last < facts.turns ? `loading, turn ${last}` : winner === null ? "unfinished" : winner < 0 ? "drawn" : `${this.names[winner]} won`;
    this.land.show(this.recording.land, facts.turns, this.names);
    this.army.show(this.recording.army, facts.turns, this.names);
    this.seek(this.turn);
  }

  seek(turn) {
    const { recording } = this;
    if (!recording.facts) return;
    this.turn = Math.max(recording.begin, Math.min(recording.last, turn));
    this.cells = recording.at(this.turn);
    this.board.show(this.cells);
    this.turnText.textContent = String(this.turn);
    this.scrub.value = this.turn;
    this.scrub.setAttribute("aria-valuetext", `turn ${this.turn} of ${recording.facts.turns}`);
    this.land.mark(this.turn);
    this.army.mark(this.turn);
    const index = this.turn - recording.begin, army = recording.army[index], land = recording.land[index];
    const order = this.names.map((_, seat) => seat).sort((a, b) => army[b] - army[a] || land[b] - land[a]);
    this.rows.replaceChildren(...order.map((seat) => {
      const name = el("span", {}, this.names[seat]);
      if (!land[seat]) name.classList.add("gone");
      return el("tr", { "data-seat": seat }, el("td", {}, swatch(seatColour(seat)), name), el("td.right", {}, String(army[seat])), el("td.right", {}, String(land[seat])));
    }));
    if (this.turn >= recording.facts.turns) this.#pause();
  }

  #toggle() {
    if (this.playing) return this.#pause();
    if (this.turn >= this.recording.last) this.seek(this.recording.begin);
    this.playing = true;
    this.playButton.textContent = "⏸";
    this.playButton.setAttribute("aria-label", "Pause");
    let due = 0, before = performance.now();
    const tick = (now) => {
      if (!this.playing) return;
      due += ((now - before) / 1000) * TURNS_A_SECOND * Number(this.speed.value);
      before = now;
      if (due >= 1) {
        this.seek(this.turn + Math.floor(due));
        due %= 1;
      }
      if (this.playing) this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
    return undefined;
  }

  #pause() {
    this.playing = false;
    this.playButton.textContent = "▶";
    this.playButton.setAttribute("aria-label", "Play");
    cancelAnimationFrame(this.frame);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "SELECT", "BUTTON", "A"].includes(event.target.tagName)) return;
    const far = event.shiftKey ? 25 : 1;
    const actions = {
      Space: () => this.#toggle(), ArrowLeft: () => this.seek(this.turn - far), ArrowRight: () => this.seek(this.turn + far),
      Home: () => this.seek(0), End: () => this.seek(this.recording.last),
    };
    if (!(event.code in actions)) return;
    actions[event.code]();
    event.preventDefault();
    if (!this.playing) this.voice.say(`turn ${this.turn}`);
  }
}
