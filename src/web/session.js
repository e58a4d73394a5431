// A match as one tab holds it: what is known of it, what was asked and not yet answered, and when to ask again.

import * as api from "./api.js";
import { Cells } from "./cells.js";

const IDLE_MS = 2500; // between two looks at a match that waits for its person: another tab may have played
const RETRY_MS = [300, 600, 1200, 2500, 5000];
const TOKENS = "stratagem-seats";

const tokens = () => JSON.parse(localStorage.getItem(TOKENS) ?? "{}");

export function keepToken(match, token) {
  const kept = Object.entries(tokens()).slice(-60);
  localStorage.setItem(TOKENS, JSON.stringify(Object.fromEntries([...kept, [match, token]])));
}

const nothing = () => ({ clear: false, undo: 0, moves: [], plays: 0, surrender: false });
const isNothing = (wish) => !wish.clear && !wish.undo && !wish.moves.length && !wish.plays && !wish.surrender;

export class Session {
  // onView() after every answer, onTrouble(error) when something was refused.
  constructor(match, { onView, onTrouble }) {
    this.match = match;
    this.token = tokens()[match] ?? "";
    this.onView = onView;
    this.onTrouble = onTrouble;
    this.view = null;
    this.cells = null;
    this.wish = nothing(); // asked for here, not sent yet
    this.sent = null; // on its way
    this.failures = 0;
    this.gone = false; // the server does not know the match, or no longer
    this.closed = false;
  }

  start() {
    this.#go();
    return this;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }

  get running() {
    return this.view?.state === "running" && !this.gone;
  }

  // Whether something that was asked for has not been answered.
  get waiting() {
    return Boolean(this.sent) || !isNothing(this.wish);
  }

  get yours() {
    return Boolean(this.view?.yours);
  }

  // The queue as it will stand once everything that was asked for has arrived.
  get queue() {
    let queue = this.view ? [...this.view.queue] : [];
    for (const wish of [this.sent, this.wish]) {
      if (!wish) continue;
      if (wish.clear) queue = [];
      if (wish.undo) queue = queue.slice(0, -wish.undo);
      queue.push(...wish.moves);
    }
    return queue;
  }

  add(move, plays = 0) {
    this.wish.moves.push(move);
    this.wish.plays += plays;
    this.#hurry();
  }

  play(turns = 1) {
    this.wish.plays += turns;
    this.#hurry();
  }

  // Takes back the last queued move and returns it, or nothing.
  undo() {
    const last = this.queue.at(-1);
    if (!last) return undefined;
    if (this.wish.moves.length) this.wish.moves.pop();
    else this.wish.undo += 1;
    this.#hurry();
    return last;
  }

  clear() {
    this.wish = { ...nothing(), clear: true };
    this.#hurry();
  }

  surrender() {
    this.wish = { ...nothing(), clear: true, surrender: true };
    this.#hurry();
  }

  #hurry() {
    this.onView();
    if (!this.sent && !this.asking) this.#go();
  }

  #later(ms) {
    clearTimeout(this.timer);
    if (!this.closed) this.timer = setTimeout(() => this.#go(), ms);
  }

  async #go() {
    clearTimeout(this.timer);
    if (this.closed || this.asking) return;
    this.asking = true;
    const since = this.cells ? this.view.turn : -1;
    try {
      if (!this.sent && !isNothing(this.wish)) {
        this.sent = { ...this.wish, key: crypto.randomUUID() };
        this.wish = nothing();
      }
      const view = this.sent
        ? await api.playMatch(this.match, { ...this.sent, since }, this.token)
        : await api.viewMatch(this.match, since, this.token);
      this.sent = null;
      this.failures = 0;
      this.#take(view);
    } catch (error) {
      const again = error.status === 0 || error.status === 429 || error.status >= 500;
      if (!again) this.sent = null; // refused for good: it would be refused again
      this.gone = error.status === 404;
      if (this.gone) this.wish = nothing();
      this.failures += 1;
      this.asking = false;
      if (this.closed) return;
      if (!again || this.failures > 1) this.onTrouble(error);
      if (this.view) this.onView();
      if (!this.gone && (again || this.view)) this.#later(again ? RETRY_MS[Math.min(this.failures, RETRY_MS.length) - 1] : IDLE_MS);
      return;
    }
    this.asking = false;
    if (this.closed) return;
    this.onView();
    if (!isNothing(this.wish) || this.sent) this.#go();
    else if (this.running) this.#later(this.#pause());
  }

  #take(view) {
    if (view.whole || !this.cells) this.cells = new Cells(view.height, view.width);
    this.cells.patch(view.cells);
    this.view = view;
    this.ahead = view.now_ms - Date.now(); // of the server's clock
  }

  // Until the next turn is due by the server's clock.
  #pause() {
    const { pace, due, turn, starts_ms: starts, turn_ms: each } = this.view;
    if (pace === "turns") return IDLE_MS;
    if (due > turn) return 0;
    return Math.max(15, starts + (turn + 1) * each - (Date.now() + this.ahead) + 15);
  }
}
