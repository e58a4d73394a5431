// The ladder: who stands where and how sure that is; a player's way there, and its games.

import * as api from "./api.js";
import { historyPlot } from "./chart.js";
import { el, svg, toast } from "./dom.js";
import { playerName } from "./palette.js";

const LADDERS = ["generalsio", "generalsio-small", "generalsio-12x12", "generalsio-6x6", "classic", "competition"];

export function ladderPage(root, name = LADDERS[0], player = undefined) {
  const select = el("select", { onchange: () => (location.hash = `#/ladder/${select.value}`) },
    [...new Set([...LADDERS, name])].map((each) => el("option", { value: each }, each)));
  select.value = name;
  const table = el("div.scroll.panel"), detail = el("div.stack");
  root.replaceChildren(el("div.stack", {}, el("div.row", {}, el("h1.grow", {}, "Ladder"), el("label", {}, "Rules and board", select)), table, detail));
  show(table, name, player);
  if (player) showPlayer(detail, name, player);
}

async function show(root, name, chosen) {
  try {
    const { places } = await api.ladder(name);
    if (!places.length) {
      root.replaceChildren(el("p.soft", {}, "Nobody has played here yet."));
      return;
    }
    const low = Math.min(...places.map((place) => place.low)), high = Math.max(...places.map((place) => place.high));
    root.replaceChildren(el("table", {}, el("caption.hidden-label", {}, `Ladder ${name}`),
      el("thead", {}, el("tr", {}, ["#", "Player"].map((text) => el("th", { scope: "col" }, text)), el("th.right", { scope: "col" }, "Elo"),
        el("th.optional", { scope: "col" }, "95 % interval"), el("th.right", { scope: "col" }, "Games"), el("th.right.optional", { scope: "col" }, "Won, drawn, lost"))),
      el("tbody", {}, places.map((place) => el("tr", {},
        el("td", {}, String(place.rank)),
        el("td", {}, el("a", { href: `#/ladder/${name}/${encodeURIComponent(place.player)}`, "aria-current": place.player === chosen ? "true" : null }, playerName(place.player))),
        el("td.right", {}, el("strong", {}, place.elo.toFixed(0))),
        el("td.optional", {}, interval(place, low, high)),
        el("td.right", {}, String(place.games)),
        el("td.right.optional", {}, `${place.wins} · ${place.draws} · ${place.losses}`))))));
  } catch (error) {
    toast(error.message);
  }
}

function interval({ elo, low, high }, least, most) {
  const x = (value) => 6 + ((value - least) / Math.max(1, most - least)) * 188;
  return svg("svg.interval", { viewBox: "0 0 200 18", preserveAspectRatio: "xMinYMid", role: "img", "aria-label": `${low.toFixed(0)} to ${high.toFixed(0)}` },
    svg("line.track", { x1: 4, x2: 196, y1: 9, y2: 9 }), svg("line.span", { x1: x(low), x2: x(high), y1: 9, y2: 9 }), svg("circle.dot", { cx: x(elo), cy: 9, r: 5 }));
}

async function showPlayer(root, name, player) {
  try {
    const { steps, place } = await api.history(name, player);
    const title = playerName(player);
    if (!steps.length) {
      root.replaceChildren(el("p.soft", {}, `${title} has not played here.`));
      return;
    }
    const ratings = steps.map((step) => step.elo).reverse();
    const result = (score) => (score === 1 ? "won" : score === 0 ? "lost" : "drew");
    root.replaceChildren(el("section.panel.stack", { "aria-label": title },
      el("h2", {}, `${title}: ${place.elo.toFixed(0)}, between ${place.low.toFixed(0)} and ${place.high.toFixed(0)}`), historyPlot(ratings, `Rating of ${title}`)),
    el("section.panel", { "aria-label": "Games" }, el("h2", {}, "Games"), el("ul.list", {}, steps.slice(0, 50).map((step) => el("li", {},
      el("div.what", {}, el("div.who", {}, `${result(step.score)} against ${step.opponents.map(playerName).join(", ")}`),
        el("div.small.soft", {}, `${new Date(step.finished_ms).toLocaleString()} · ${step.change >= 0 ? "+" : "−"}${Math.abs(step.change).toFixed(1)}`)),
      /^[0-9a-f]{16}$/.test(step.game) ? el("a.button", { href: `#/replay/${step.game}`, "aria-label": `Replay of game ${step.game}` }, "Replay") : null)))));
  } catch (error) {
    toast(error.message);
  }
}
