// The API as functions. Every refusal is an Error with `status` and the server's own words.

const ROOT = new URL("v1/", document.baseURI);

export class Refused extends Error {
  constructor(status, message, retry) {
    super(message);
    this.status = status;
    this.retry = retry; // seconds to wait, where the server says so
  }
}

async function ask(method, path, { query = {}, body, bytes, token } = {}) {
  const url = new URL(path, ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) url.searchParams.set(name, value);
  }
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (bytes !== undefined) headers["Content-Type"] = "application/octet-stream";
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: bytes ?? (body === undefined ? undefined : JSON.stringify(body)) });
  } catch {
    throw new Refused(0, "The server does not answer.");
  }
  if (answer.ok) return answer.json();
  let detail = `The server answered ${answer.status}.`;
  try {
    detail = (await answer.json()).detail ?? detail;
  } catch {
    // the answer came from something in between, and is no JSON
  }
  throw new Refused(answer.status, detail, Number(answer.headers.get("Retry-After")) || 0);
}

export const options = () => ask("GET", "options");
export const createMatch = (wanted) => ask("POST", "matches", { body: wanted });
export const listMatches = (state, limit) => ask("GET", "matches", { query: { state, limit } });
export const viewMatch = (match, since, token) => ask("GET", `matches/${match}`, { query: { since }, token });
export const playMatch = (match, wish, token) => ask("POST", `matches/${match}`, { body: wish, token });
export const frames = (match, seat, first) => ask("GET", `matches/${match}/frames`, { query: { seat, first } });
export const readReplay = (file, seat, first) =>
  ask("POST", "replays", { query: { name: file.name, seat, first }, bytes: file });
export const ladder = (name) => ask("GET", `ladders/${encodeURIComponent(name)}`, { query: { limit: 200 } });
export const history = (name, player) =>
  ask("GET", `ladders/${encodeURIComponent(name)}/history`, { query: { player, limit: 500 } });
export const recordUrl = (match, form) => new URL(`matches/${match}/record?form=${form}`, ROOT).href;
