// Boards as the API tells them: two integers a tile (src/lambdas/looks.py says what each bit means).

export const PLAIN = 0, MOUNTAIN = 1, CITY = 2, GENERAL = 3, SWAMP = 4, DESERT = 5, LOOKOUT = 6, OBSERVATORY = 7, OBSTACLE = 8;
export const KINDS = ["plain", "mountain", "city", "general", "swamp", "desert", "lookout", "observatory", "obstacle"];

export const inSight = (look) => (look & 1) !== 0;
export const known = (look) => (look & 2) !== 0;
export const kindOf = (look) => (look >> 2) & 15;
export const ownerOf = (look) => (look >> 6) - 1; // -1: nobody's, or not known

export class Cells {
  constructor(height, width) {
    this.height = height;
    this.width = width;
    this.looks = new Int32Array(height * width);
    this.armies = new Int32Array(height * width);
  }

  // Writes a flat list of tile, look, army.
  patch(list) {
    for (let i = 0; i < list.length; i += 3) {
      this.looks[list[i]] = list[i + 1];
      this.armies[list[i]] = list[i + 2];
    }
  }

  copy() {
    const twin = new Cells(this.height, this.width);
    twin.looks.set(this.looks);
    twin.armies.set(this.armies);
    return twin;
  }

  // The neighbour of a tile in a direction (0 up, 1 down, 2 left, 3 right), or -1.
  step(tile, direction) {
    const row = Math.floor(tile / this.width), column = tile % this.width;
    if (direction === 0) return row > 0 ? tile - this.width : -1;
    if (direction === 1) return row < this.height - 1 ? tile + this.width : -1;
    if (direction === 2) return column > 0 ? tile - 1 : -1;
    return column < this.width - 1 ? tile + 1 : -1;
  }

  // Whether an army could stand there, for all that is known: cities in fog look like mountains.
  enterable(tile) {
    return ![MOUNTAIN, LOOKOUT, OBSERVATORY].includes(kindOf(this.looks[tile]));
  }

  // A tile in words, for screen readers.
  describe(tile, names) {
    const look = this.looks[tile], owner = ownerOf(look), army = this.armies[tile];
    const where = `row ${Math.floor(tile / this.width) + 1}, column ${(tile % this.width) + 1}`;
    const what = KINDS[kindOf(look)];
    if (!inSight(look)) return `${where}: fog, ${what}`;
    const whose = owner >= 0 ? `${names[owner] ?? `player ${owner + 1}`}` : "nobody's";
    return `${where}: ${whose}, ${what}${army ? `, ${army}` : ""}`;
  }
}
