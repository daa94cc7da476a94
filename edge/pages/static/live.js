// Keeps a page in step with the hall: one event stream, and the snapshot taken again after every event that matters.
// A page has one stream (browsers allow six per origin), so what is known of it is kept in the module.

const COALESCE = 150;
const POLL = 10_000;
const POLL_BROKEN = 3_000;
const WATCHDOG = 40_000;

let page;
let source;
let seq = null; // the newest event this page knows of
let quiet = -1; // events up to here came late: they are drawn, but neither rung nor lit
let broken = false;
let running = false;
let again = false;
const start = performance.now();
const last = { good: start, heard: start, opened: start, tried: start };

/**
 * `refresh()` fetches and draws, and returns the snapshot's `seq` when it has one.
 * `onEvent(event, fresh)`: `fresh` is false for what the stream replays after a break.
 * `wants(event)`: whether the snapshot must be taken again. `onTick(age, broken)`: once a second, `age` in s since
 * the last good snapshot. Silence is bridged by asking again.
 */
export function live({ refresh, onEvent = () => {}, wants = () => true, onTick = () => {} }) {
  page = { refresh, onEvent, wants, onTick };
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  setInterval(tick, 1000);
  tick();
  take().then(open);
}

/** Takes the snapshot now, or once more when it is being taken. */
export async function take() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  again = false;
  last.tried = performance.now();
  const before = seq;
  try {
    settle(await page.refresh(), before);
    last.good = performance.now();
    if (source?.readyState === EventSource.OPEN) broken = false;
  } catch (problem) {
    if (problem.status === undefined) console.error(problem);
    broken = true;
  }
  setTimeout(rest, Math.max(0, COALESCE - (performance.now() - last.tried)));
}

function rest() {
  running = false;
  if (again) take();
}

/** A snapshot older than what was known before it was asked for is a new journal: the stream starts anew. */
function settle(taken, before) {
  if (!Number.isInteger(taken)) return;
  const restarted = before !== null && taken < before;
  if (restarted || seq === null || taken > seq) seq = taken;
  if (broken || restarted) quiet = seq;
  if (restarted) open();
}

function hear(message) {
  last.heard = performance.now();
  const event = JSON.parse(message.data);
  seq = event.seq;
  page.onEvent(event, !broken && event.seq > quiet);
  if (page.wants(event)) take();
}

function open() {
  close();
  last.heard = last.opened = performance.now();
  source = new EventSource("/api/v1/events" + (seq === null ? "" : `?after=${seq}`));
  source.addEventListener("journal", hear);
  source.addEventListener("ping", () => (last.heard = performance.now()));
  source.addEventListener("open", take);
  source.addEventListener("error", () => (broken = true));
}

function close() {
  source?.close();
  source = null;
}

function tick() {
  const time = performance.now();
  if (time - last.tried > (broken ? POLL_BROKEN : POLL)) take();
  const dead = source?.readyState === EventSource.CLOSED && time - last.opened > 5000;
  if (source && (dead || time - last.heard > WATCHDOG)) open();
  page.onTick((time - last.good) / 1000, broken);
}
