// Which page is shown: the part of the address behind #.

import { ladderPage } from "./ladder.js";
import { lobbyPage, watchPage } from "./lobby.js";
import { matchPage } from "./match.js";
import { replayPage } from "./replay.js";

const ROUTES = [
  [/^\/?$/, "Play", lobbyPage],
  [/^\/match\/([0-9a-f]{16})$/, "Match", matchPage],
  [/^\/watch$/, "Watch", watchPage],
  [/^\/replay(?:\/([0-9a-f]{16}))?$/, "Replay", replayPage],
  [/^\/ladder(?:\/([a-z0-9-]+))?(?:\/([^/]+))?$/, "Ladder", ladderPage],
];
const main = document.getElementById("main");
let leave = () => {};

// The address behind #. One that cannot be decoded stays as it is, and is unknown like any other.
function address() {
  const written = location.hash.slice(1);
  try {
    return decodeURIComponent(written);
  } catch {
    return written;
  }
}

function route() {
  leave();
  main.className = "";
  const path = address();
  const [pattern, title, page] = ROUTES.find(([each]) => each.test(path)) ?? ROUTES[0];
  document.title = `${title} · Stratagem`;
  for (const link of document.querySelectorAll(".top nav a")) {
    const own = link.getAttribute("href").slice(1);
    const here = own === "/" ? path === "" || path === "/" : path.startsWith(own);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  leave = page(main, ...(pattern.exec(path) ?? []).slice(1)) ?? (() => {});
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event("themechange"));
}

const system = matchMedia("(prefers-color-scheme: dark)");
const kept = () => localStorage.getItem("stratagem-theme");
setTheme(kept() ?? (system.matches ? "dark" : "light"));
system.addEventListener("change", () => kept() ?? setTheme(system.matches ? "dark" : "light"));
document.getElementById("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("stratagem-theme", theme);
  setTheme(theme);
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", () => {
  route();
  if (!main.contains(document.activeElement)) main.focus({ preventScroll: true });
});
route();
