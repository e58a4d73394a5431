// The start: choose a bot and play; and what others play, to be watched.

import * as api from "./api.js";
import { el, toast } from "./dom.js";
import { help } from "./match.js";
import { playerName } from "./palette.js";
import { keepToken } from "./session.js";

const CHOICES = "stratagem-choices";
const BOARDS = { site: "Site, 18 to 23", competition: "Contest, 18 to 21", "12x12": "Medium, 12 × 12", small: "Small, 8 × 8", "6x6": "Tiny, 6 × 6" };
const RULES = { generalsio: "generals.io", classic: "classic (to 2025)", competition: "bot contest 2026" };
const ABOUT = { "bot:random": "moves at random", "bot:expander": "takes what it can", "bot:hunter": "gathers and hunts", "bot:tracker": "hunts where you probably are", "bot:seeker": "has learned where you hide", "bot:strategist": "has learned what each move is worth", "bot:scout": "the strongest, remembers you" };

const option = (value, text) => el("option", { value }, text);

function opponentText({ player, kind, board }) {
  const name = playerName(player);
  return kind === "policy" ? `${name}: learned${board ? `, on ${BOARDS[board] ?? board}` : ""}` : `${name}: ${ABOUT[player] ?? "scripted"}`;
}

export function lobbyPage(root) {
  const opponent = el("select", { name: "opponent" }), board = el("select", { name: "board" });
  const ruleset = el("select", { name: "ruleset" }), count = el("select", { name: "count" }, [1, 2, 3, 5, 7].map((n) => option(n, n === 1 ? "one" : String(n))));
  const speed = el("select", { name: "speed" });
  const name = el("input", { name: "name", maxlength: 24, pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]*", placeholder: "guest", autocomplete: "nickname" });
  const pace = (value, title, about, checked) => el("label", {}, el("input", { type: "radio", name: "pace", value, checked }), el("span", {}, title, el("small", {}, about)));
  const start = el("button.primary", { type: "submit", disabled: true }, "Play");
  const form = el("form.panel.stack", { "aria-label": "New game" },
    el("h2", {}, "New game"),
    el("div.fields", {},
      el("label.full", {}, "Opponent", opponent),
      el("label", {}, "How many of them", count), el("label", {}, "Board", board),
      el("label", {}, "Rules", ruleset), el("label", {}, "Your name", name)),
    el("fieldset.choices", {}, el("legend", {}, "Pace"), pace("turns", "Your pace", "a turn is played when you move", true), pace("realtime", "Real time", "two turns a second, as on the site")),
    el("label", {}, "Speed in real time", speed),
    start);
  const lists = el("div.stack");
  root.replaceChildren(el("div.hero", {}, form, el("div.stack", {},
    el("h1", {}, "Take their general."),
    el("p.lead", {}, "Grow your land, find the crown in the fog, keep yours. Armies grow on generals and cities every second turn, everywhere every fiftieth."),
    el("section.panel", { "aria-label": "Keys" }, help(true)), lists)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!form.reportValidity()) return;
    const value = Object.fromEntries(new FormData(form));
    localStorage.setItem(CHOICES, JSON.stringify(value));
    start.disabled = true;
    const players = ["human", ...Array(Number(value.count)).fill(value.opponent)];
    try {
      const made = await api.createMatch({ players, ruleset: value.ruleset, board: value.board, pace: value.pace, speed: Number(value.speed), name: value.name || "guest" });
      keepToken(made.match, made.token);
      location.hash = `#/match/${made.match}`;
    } catch (error) {
      toast(error.message);
      start.disabled = false;
    }
  });
  fill({ opponent, board, ruleset, speed, start, form });
  return listing(lists, [["running", "Being played"], ["finished", "Played lately"]], 6);
}

async function fill({ opponent, board, ruleset, speed, start, form }) {
  try {
    const found = await api.options();
    const policies = found.opponents.filter(({ kind }) => kind === "policy").sort((a, b) => (b.board === "site") - (a.board === "site")), bots = found.opponents.filter(({ kind }) => kind === "bot").reverse();
    opponent.replaceChildren(...[...policies, ...bots].map((each) => option(each.player, opponentText(each))));
    const trained = policies.map((each) => each.board).filter((each) => /^\d+x\d+$/.test(each ?? ""));
    const boards = [...new Set([...Object.keys(BOARDS), ...trained])];
    board.replaceChildren(...boards.map((each) => option(each, BOARDS[each] ?? each.replace("x", " × "))));
    ruleset.replaceChildren(...found.rulesets.map((each) => option(each, RULES[each] ?? each)));
    ruleset.value = "generalsio";
    speed.replaceChildren(...found.speeds.map((each) => option(each, `${each}×`)));
    speed.value = "1";
    const usual = new Map(policies.map((each) => [each.player, each]));
    const follow = () => {
      const policy = usual.get(opponent.value);
      if (boards.includes(policy?.board)) board.value = policy.board;
      if (found.rulesets.includes(policy?.ruleset)) ruleset.value = policy.ruleset;
    };
    opponent.addEventListener("change", follow);
    follow();
    const before = JSON.parse(localStorage.getItem(CHOICES) ?? "{}");
    for (const [field, value] of Object.entries(before)) {
      const control = form.elements[field];
      if (control instanceof HTMLSelectElement && ![...control.options].some((each) => each.value === value)) continue;
      if (control) control.value = value;
    }
    start.disabled = false;
  } catch (error) {
    toast(error.message);
  }
}

export function watchPage(root) {
  const seats = [0, 1].map((seat) => el("select", { name: `seat${seat}`, "aria-label": `Bot ${seat + 1}` }));
  const board = el("select", { name: "board" }, Object.entries(BOARDS).map(([value, text]) => option(value, text)));
  const speed = el("select", { name: "speed" }, [1, 2, 4].map((value) => option(value, `${value}×`)));
  speed.value = "4";
  const form = el("form.panel.stack", { "aria-label": "Let bots play" }, el("h2", {}, "Let bots play"),
    el("div.fields", {}, el("label", {}, "First", seats[0]), el("label", {}, "Second", seats[1]), el("label", {}, "Board", board), el("label", {}, "Speed", speed)),
    el("button.primary", { type: "submit" }, "Watch"));
  const lists = el("div.stack");
  root.replaceChildren(el("div.hero", {}, form, el("div.stack", {}, el("h1", {}, "Watch"), el("p.lead", {}, "Of a game against a person one sees what the person sees; of a game between bots everything."), lists)));
  api.options().then(({ opponents }) => {
    for (const select of seats) select.replaceChildren(...opponents.map((each) => option(each.player, opponentText(each))));
    seats[0].value = "bot:scout";
    seats[1].value = "bot:seeker";
  }, (error) => toast(error.message));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const made = await api.createMatch({ players: seats.map((select) => select.value), board: board.value, pace: "realtime", speed: Number(speed.value) });
      location.hash = `#/match/${made.match}`;
    } catch (error) {
      toast(error.message);
    }
  });
  return listing(lists, [["running", "Being played"], ["finished", "Played lately"]], 20);
}

// Lists of matches that follow what happens; returns what ends that.
function listing(root, kinds, limit) {
  const sections = kinds.map(([state, title]) => {
    const list = el("ul.list");
    root.append(el("section.panel", { "aria-label": title }, el("h2", {}, title), list));
    return { state, list };
  });
  const refresh = async () => {
    for (const { state, list } of sections) {
      try {
        const { matches } = await api.listMatches(state, limit);
        const rows = matches.map(row);
        list.replaceChildren(...(rows.length ? rows : [el("li.soft", {}, state === "running" ? "Nobody plays now." : "No game yet.")]));
      } catch {
        return; // the next refresh may do
      }
    }
  };
  refresh();
  const timer = setInterval(refresh, 5000);
  return () => clearInterval(timer);
}

function row(match) {
  const names = match.players.map(playerName), over = match.state === "finished";
  const how = over ? (match.winner === -1 || match.winner === null ? "drawn" : `${names[match.winner]} won`) : match.pace === "turns" ? "own pace" : "real time";
  return el("li", {}, el("div.what", {}, el("div.who", {}, names.join(" – ")), el("div.small.soft", {}, `${match.board} · ${how} · turn ${match.turn}`)),
    el("a.button", { href: over ? `#/replay/${match.match}` : `#/match/${match.match}`, "aria-label": `${over ? "Replay" : "Watch"} ${names.join(" against ")}` }, over ? "Replay" : "Watch"));
}
