// Asking the edge. Every POST carries one key per press, so a retry of the same press is never a second move.

const BASE = "/api/v1";
const RETRIES = [600, 1500, 3000];
const UNABLE = ["现在做不了，请找导办台", "Not possible now. Please ask at the help desk"];
const LOST = ["没有连上，请再试一次", "No connection. Please try again"];
let skew = 0;

/** The edge said no (`status` is its HTTP status), or did not answer (`status` 0). `title` can be shown. */
export class Problem extends Error {
  constructor(status, title) {
    super(title);
    Object.assign(this, { status, title });
  }
}

/** The edge's clock in ms, as its last answer told it; good to a second. */
export const now = () => Date.now() + skew;

async function ask(path, options, timeout) {
  const english = Number(document.documentElement.lang === "en");
  try {
    const answer = await fetch(BASE + path, { ...options, signal: AbortSignal.timeout(timeout), cache: "no-store" });
    const told = Date.parse(answer.headers.get("date"));
    if (Math.abs(told - now()) > 2000) skew = told - Date.now();
    if (answer.status === 204) return null;
    if (answer.ok) return await answer.json();
    const body = await answer.json().catch(() => ({}));
    throw new Problem(answer.status, [body.title, body.title_en][english] || UNABLE[english]);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(0, LOST[english]);
  }
}

/** The JSON, or null for 204. Throws Problem. */
export const get = (path, timeout = 5000) => ask(path, {}, timeout);

/** A key nobody else makes; `crypto.randomUUID` is missing on http pages. */
const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

export const posted = (body) => ({
  method: "POST",
  headers: { "Content-Type": "application/json", "Idempotency-Key": newKey() },
  body: JSON.stringify(body),
});

/** One press. Where nothing answers it asks again with the same key, after each of these pauses; then throws Problem 0. */
export async function post(path, body = {}, pauses = RETRIES) {
  const options = posted(body);
  for (const pause of pauses) {
    try {
      return await ask(path, options, 4000);
    } catch (problem) {
      if (problem.status) throw problem;
    }
    await new Promise((wake) => setTimeout(wake, pause));
  }
  return ask(path, options, 4000);
}
