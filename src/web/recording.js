// A recorded game in memory: boards of every turn, rebuilt from the first and what changed.

import { Cells } from "./cells.js";

const KEPT_EVERY = 64; // turns between boards that are kept whole

export class Recording {
  // load(seat, first) asks the server for boards from a turn on.
  constructor(load, seat = null) {
    this.load = load;
    this.seat = seat;
    this.changes = []; // for each turn after the first: tile, look, army, ...
    this.land = [];
    this.army = [];
    this.kept = [];
    this.closed = false;
  }

  close() {
    this.closed = true;
  }

  // Loads the whole game; calls onPart whenever more of it is there.
  async start(onPart) {
    let first = 0;
    for (;;) {
      const part = await this.load(this.seat, first);
      if (this.closed) return;
      if (!this.facts) {
        this.facts = part;
        this.begin = part.first;
        const board = new Cells(part.height, part.width);
        board.patch(part.cells);
        this.kept.push(board);
      }
      this.changes.push(...part.changes);
      const skip = this.land.length ? 1 : 0; // its first turn is known already
      this.land.push(...part.land.slice(skip));
      this.army.push(...part.army.slice(skip));
      this.#keep();
      onPart();
      if (part.next === null) return;
      first = part.next;
    }
  }

  // The last turn that is loaded.
  get last() {
    return this.begin + this.changes.length;
  }

  at(turn) {
    const index = Math.max(0, Math.min(this.changes.length, turn - this.begin));
    const from = Math.min(this.kept.length - 1, Math.floor(index / KEPT_EVERY));
    const board = this.kept[from].copy();
    for (let i = from * KEPT_EVERY; i < index; i++) board.patch(this.changes[i]);
    return board;
  }

  #keep() {
    while (this.kept.length * KEPT_EVERY <= this.changes.length) {
      const board = this.kept.at(-1).copy();
      const from = (this.kept.length - 1) * KEPT_EVERY;
      for (let i = from; i < from + KEPT_EVERY; i++) board.patch(this.changes[i]);
      this.kept.push(board);
    }
  }
}
