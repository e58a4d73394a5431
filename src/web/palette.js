// The players' colours, and the board's own, which follow light and dark.

export const SEATS = [
  "#d93d42", "#2f6fe0", "#2b9a4f", "#c77a00", "#8b46e0", "#0c8ea3", "#d1458b", "#80623d",
  "#5f8a00", "#4a41d6", "#d9603f", "#0b6b62", "#9c7a00", "#86198f", "#5b687c", "#3b93c9",
];
export const seatColour = (seat) => SEATS[seat % SEATS.length];

export function boardColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--board-${name}`).trim();
  return {
    ground: read("ground"), plain: read("plain"), neutral: read("neutral"), mountain: read("mountain"),
    fog: read("fog"), fogEdge: read("fog-edge"), fogMark: read("fog-mark"), mark: read("mark"), ink: read("ink"),
    swamp: "#8ba38a", desert: "#e2cf9c",
  };
}

// "human:anna@0" as people read it; names from replay files stay as they are.
export function playerName(key) {
  const [, kind, name, version] = /^(human|bot|policy):(.+)@(\d+)$/.exec(key) ?? /^(human|bot|policy):(.+)$/.exec(key) ?? [null, "", key];
  if (kind === "bot") return `${name} bot`;
  return version && version !== "0" ? `${name} v${version}` : name;
}
