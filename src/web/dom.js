// Elements in one call, words for screen readers, and the line that tells what went wrong.

// el("button.primary", { onclick, "aria-label": "..." }, "text", child...)
export function el(spec, attributes = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  set(node, attributes);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(spec, attributes = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const node = document.createElementNS(SVG, tag);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  set(node, attributes);
  node.append(...children.flat(Infinity));
  return node;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
}

export function swatch(colour) {
  const node = el("span.swatch", { "aria-hidden": "true" });
  node.style.background = colour;
  return node;
}

let timer;
export function toast(text) {
  const node = document.getElementById("toast");
  node.textContent = text;
  node.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => node.classList.remove("shown"), 4000);
}

// A region that reads out the latest of what it is told, and no more often than one can listen.
export function announcer() {
  const node = el("p.hidden-label", { role: "status", "aria-live": "polite" });
  let waiting = null, busy = false;
  const speak = () => {
    if (waiting === null) {
      busy = false;
      return;
    }
    node.textContent = waiting;
    waiting = null;
    busy = true;
    setTimeout(speak, 250);
  };
  return {
    node,
    say(text) {
      waiting = text;
      if (!busy) speak();
    },
  };
}
