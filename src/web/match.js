// A match on the page: the board, whose turn it is, what can be done. Watching is the same without the controls.

import { Board } from "./board.js";
import { GENERAL, kindOf, ownerOf } from "./cells.js";
import { announcer, el, swatch, toast } from "./dom.js";
import { playerName, seatColour } from "./palette.js";
import { Session } from "./session.js";

const DIRECTIONS = {
  KeyW: 0, ArrowUp: 0, KeyS: 1, ArrowDown: 1, KeyA: 2, ArrowLeft: 2, KeyD: 3, ArrowRight: 3,
};

const READABLE = 18; // pixels of a tile whose armies can be read

const LOOKS = { KeyI: 0, KeyK: 1, KeyJ: 2, KeyL: 3 }; // choose a neighbour without moving there

export function matchPage(root, match) {
  const page = new MatchPage(root, match);
  return () => page.close();
}

class MatchPage {
  constructor(root, match) {
    this.planning = false;
    this.listeners = new AbortController();
    this.voice = announcer();
    root.classList.add("wide");
    this.#build(root);
    this.board = new Board(this.canvas, { onTile: (tile, event) => this.#click(tile, event) });
    this.session = new Session(match, { onView: () => this.#show(), onTrouble: (error) => this.#trouble(error) }).start();
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.listeners.signal });
    this.canvas.focus({ preventScroll: true });
    this.#pulse();
  }

  close() {
    this.listeners.abort();
    this.session.close();
    this.board.close();
    cancelAnimationFrame(this.frame);
  }

  #build(root) {
    this.canvas = el("canvas", { tabindex: "0", role: "application", "aria-label": "Board. Arrow keys or W A S D move, N chooses your next army, I J K L look around, Z half, E undo, Q clear, space to your general.", "aria-describedby": "board-status" });
    this.turnText = el("strong", { id: "turn" }, "0");
    this.badge = el("span.badge", {}, "loading");
    this.bar = el("i");
    this.rows = el("tbody");
    this.stage = el("div.stage", {}, this.canvas, el("div.zoom", {},
      el("button", { type: "button", "aria-label": "Zoom in", onclick: () => this.board.zoom(1.3) }, "+"),
      el("button", { type: "button", "aria-label": "Zoom out", onclick: () => this.board.zoom(1 / 1.3) }, "−"),
      el("button", { type: "button", "aria-label": "Show the whole board", title: "Whole board", onclick: () => this.board.fit() }, "⤢")));
    this.voice.node.id = "board-status";
    const button = (name, key, action, extra = {}) =>
      el("button", { type: "button", onclick: () => { action(); this.canvas.focus({ preventScroll: true }); }, ...extra }, name, el("kbd", { "aria-hidden": "true" }, key));
    this.halfButton = button("Half", "Z", () => this.#toggleHalf(), { "aria-pressed": "false" });
    this.planButton = button("Plan", "X", () => this.#togglePlan(), { "aria-pressed": "false" });
    this.passButton = button("Play a turn", "Enter", () => this.session.play(1));
    this.passButton.classList.add("primary", "full");
    this.controls = el("div.controls", { role: "group", "aria-label": "Moves" },
      this.passButton, this.halfButton, button("Undo", "E", () => this.#undo()), button("Clear", "Q", () => this.session.clear()),
      button("Home", "Space", () => this.#home()), this.planButton,
      el("button.danger", { type: "button", onclick: () => this.dialog.showModal() }, "Surrender"));
    this.dialog = el("dialog", { "aria-label": "Surrender" }, el("div.stack", {}, el("h2", {}, "Give up this game?"),
      el("form.row", { method: "dialog" }, el("button", { value: "no" }, "Play on"),
        el("button.danger", { value: "yes", onclick: () => this.session.surrender() }, "Surrender"))));
    this.side = el("aside.side.panel.stack", { "aria-label": "Game" },
      el("div.turn", {}, el("span.soft", {}, "Turn"), this.turnText, el("span.grow"), this.badge),
      el("div.pulse", { "aria-hidden": "true" }, this.bar),
      el("table", {}, el("caption.hidden-label", {}, "Players"), el("thead", {}, el("tr", {},
        el("th", { scope: "col" }, "Player"), el("th.right", { scope: "col" }, "Army"), el("th.right", { scope: "col" }, "Land"))), this.rows),
      this.controls, help());
    root.replaceChildren(el("h1.hidden-label", {}, "Match"), el("div.game", {}, this.stage, this.side), this.dialog, this.voice.node);
  }

  #show() {
    const { view, cells, queue } = this.session;
    if (!view) return;
    this.names = view.players.map((player) => playerName(player.player));
    this.turnText.textContent = String(view.turn);
    this.stage.setAttribute("aria-busy", String(this.session.waiting));
    const late = view.due > view.turn + 3;
    this.badge.textContent = this.session.gone ? "gone" : view.state === "finished" ? "over" : late ? "catching up" : view.pace === "turns" ? "your pace" : `${Math.round(1000 / view.turn_ms * 10) / 10} turns/s`;
    this.badge.classList.toggle("late", late);
    this.#players(view);
    const mine = this.session.yours && this.session.running;
    this.controls.hidden = !mine;
    this.controls.style.display = mine ? "" : "none";
    this.passButton.hidden = this.planButton.hidden = view.pace !== "turns";
    this.passButton.style.display = this.planButton.style.display = view.pace === "turns" ? "" : "none";
    const first = !this.board.cells;
    if (mine && first) this.board.chosen = this.#general();
    this.board.arrows = queue;
    this.board.show(cells);
    if (mine && first && this.board.tileSize < READABLE) this.board.centre(this.board.chosen);
    document.title = `Turn ${view.turn} · ${this.names.join(" – ")} · Stratagem`;
    if (view.state === "finished" && !this.told) this.#result(view);
  }

  #players(view) {
    const order = view.players.map((player, seat) => ({ ...player, seat })).sort((a, b) => b.army - a.army || b.land - a.land);
    this.rows.replaceChildren(...order.map((player) => {
      const name = el("span", {}, this.names[player.seat], player.seat === view.seat && this.session.yours ? " (you)" : "");
      if (player.status !== "alive") name.classList.add("gone");
      return el("tr", { "data-seat": player.seat }, el("td", {}, swatch(seatColour(player.seat)), name),
        el("td.right", {}, String(player.army)), el("td.right", {}, String(player.land)));
    }));
  }

  #result(view) {
    this.told = true;
    const won = view.winner === view.seat, drawn = view.winner === -1;
    const text = view.seat === null || !view.yours
      ? drawn ? "Drawn" : `${this.names[view.winner]} wins`
      : drawn ? "Drawn" : won ? "Victory" : "Defeat";
    const again = el("a.button", { href: "#/" }, "New game");
    this.stage.append(el("div.result", {}, el("section.panel.stack", { "aria-label": "Result" }, el("h2", { id: "result" }, text),
      el("p.soft", {}, `after ${view.turn} turns`),
      el("div.row", {}, el("a.button.primary.grow", { href: `#/replay/${view.match}` }, "Watch the replay"), again))));
    this.voice.say(`${text} after ${view.turn} turns`);
  }

  #trouble(error) {
    if (!this.session.gone) {
      toast(error.message);
      return;
    }
    const text = this.session.view ? "This match is gone" : "No such match";
    this.badge.textContent = "gone";
    this.dialog.close();
    this.stage.append(el("div.result", {}, el("section.panel.stack", {}, el("h2", {}, text), el("p.soft", {}, error.message), el("a.button", { href: "#/" }, "To the start"))));
    this.voice.say(text);
  }

  #general() {
    const { view, cells } = this.session;
    return cells.looks.findIndex((look) => kindOf(look) === GENERAL && ownerOf(look) === view.seat);
  }

  get #active() {
    return this.session.yours && this.session.running;
  }

  #choose(tile) {
    this.board.chosen = tile;
    this.#setHalf(false);
    if (tile >= 0) this.voice.say(this.session.cells.describe(tile, this.names));
    this.board.draw();
  }

  #setHalf(half) {
    this.board.half = half;
    this.halfButton.setAttribute("aria-pressed", String(half));
    this.board.draw();
  }

  #toggleHalf() {
    if (this.board.chosen >= 0) this.#setHalf(!this.board.half);
  }

  #togglePlan() {
    this.planning = !this.planning;
    this.planButton.setAttribute("aria-pressed", String(this.planning));
  }

  #click(tile, event) {
    if (!this.#active) return;
    const { chosen } = this.board, { cells } = this.session;
    const direction = chosen < 0 ? -1 : [0, 1, 2, 3].find((d) => cells.step(chosen, d) === tile) ?? -1;
    if (tile === chosen) {
      if (this.board.half) this.#choose(-1);
      else this.#setHalf(true);
    } else if (direction >= 0 && cells.enterable(tile)) this.#step(direction, event.shiftKey);
    else this.#choose(tile);
  }

  #step(direction, shift) {
    const { cells, view } = this.session;
    if (this.board.chosen < 0) {
      this.#choose(this.#general());
      return;
    }
    const start = this.board.chosen, end = cells.step(start, direction);
    if (end < 0 || !cells.enterable(end)) {
      this.voice.say("no way there");
      return;
    }
    const move = [start, end, this.board.half ? 1 : 0];
    this.#choose(end);
    this.session.add(move, view.pace === "turns" && !this.planning && !shift ? 1 : 0);
  }

  #look(direction) {
    const { chosen } = this.board;
    const next = chosen < 0 ? this.#general() : this.session.cells.step(chosen, direction);
    if (next >= 0) this.#choose(next);
  }

  // The next of one's armies that can move, from the largest on.
  #nextArmy() {
    const { view, cells } = this.session;
    const armies = [...cells.looks.keys()].filter((tile) => ownerOf(cells.looks[tile]) === view.seat && cells.armies[tile] > 1);
    armies.sort((a, b) => cells.armies[b] - cells.armies[a] || a - b);
    if (!armies.length) return;
    const tile = armies[(armies.indexOf(this.board.chosen) + 1) % armies.length];
    this.#choose(tile);
    if (this.board.size) this.board.centre(tile);
  }

  #undo() {
    const move = this.session.undo();
    if (move) this.#choose(move[0]);
  }

  #home() {
    const tile = this.#general();
    if (tile < 0) return;
    this.#choose(tile);
    this.board.centre(tile);
  }

  #key(event) {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#active || this.dialog.open) return;
    if (["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName)) return;
    const pressing = ["BUTTON", "A", "SUMMARY"].includes(target.tagName) && ["Space", "Enter"].includes(event.code);
    if (pressing) return;
    const turns = this.session.view.pace === "turns";
    const actions = {
      KeyZ: () => this.#toggleHalf(), KeyE: () => this.#undo(), KeyQ: () => this.session.clear(), Space: () => this.#home(),
      Escape: () => this.#choose(-1), KeyN: () => this.#nextArmy(), KeyX: () => turns && this.#togglePlan(),
      Enter: () => turns && this.session.play(1), KeyP: () => turns && this.session.play(1),
    };
    if (event.code in LOOKS) this.#look(LOOKS[event.code]);
    else if (event.code in DIRECTIONS) this.#step(DIRECTIONS[event.code], event.shiftKey);
    else if (event.code in actions) actions[event.code]();
    else return;
    event.preventDefault();
  }

  // How far the turn has come by the clock.
  #pulse() {
    this.frame = requestAnimationFrame(() => this.#pulse());
    const { view, ahead } = this.session;
    if (!view || view.pace === "turns" || !this.session.running) {
      this.bar.style.width = "0";
      return;
    }
    const left = view.starts_ms + (view.turn + 1) * view.turn_ms - (Date.now() + ahead);
    this.bar.style.width = `${Math.max(0, Math.min(100, 100 - (100 * left) / view.turn_ms))}%`;
  }
}

export function help(open = false) {
  const rows = [
    ["W A S D, arrows", "queue a move of the chosen army"], ["click", "choose a tile; a neighbour: move there"],
    ["N", "choose your next army, the largest first"], ["I J K L", "choose a neighbour without moving"],
    ["Z, second click", "move half"], ["E", "undo the last queued move"], ["Q", "clear the queue"],
    ["space", "to your general"], ["Enter, P", "at your own pace: play a turn"], ["X, shift", "at your own pace: queue without playing"],
  ];
  return el("details", { open }, el("summary", {}, "Keys"), el("dl.keys", {}, rows.map(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)])));
}
