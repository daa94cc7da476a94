// Keeps a page in step with the hall: one event stream, and the snapshot taken again after every event that matters.

const COALESCE = 150;
const POLL = 10_000;
const POLL_BROKEN = 3_000;
const WATCHDOG = 40_000;

/**
 * `refresh()` fetches and draws, and returns the snapshot's `seq` when it has one.
 * `onEvent(event, fresh)`: `fresh` is false for what the stream replays after a break.
 * `wants(event)`: whether the snapshot must be taken again. `onTick(age, broken)`: once a second, `age` in s since
 * the last good snapshot. A comment of the stream cannot be seen here, so silence is bridged by asking again.
 */
export function live({ refresh, onEvent = () => {}, wants = () => true, onTick = () => {} }) {
  let source = null;
  let seq = null;
  let quiet = -1;
  let broken = false;
  let running = false;
  let again = false;
  let good = performance.now();
  let heard = good;
  let opened = good;
  let tried = good;

  function settle(taken, before) {
    if (!Number.isInteger(taken)) return;
    const restarted = before !== null && taken < before;
    if (restarted || seq === null || taken > seq) seq = taken;
    if (broken || restarted) quiet = seq;
    if (restarted) open();
  }

  async function take() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    again = false;
    tried = performance.now();
    const before = seq;
    try {
      settle(await refresh(), before);
      good = performance.now();
      if (source?.readyState === EventSource.OPEN) broken = false;
    } catch (problem) {
      if (problem.status === undefined) console.error(problem);
      broken = true;
    }
    setTimeout(() => {
      running = false;
      if (again) take();
    }, Math.max(0, COALESCE - (performance.now() - tried)));
  }

  function hear(message) {
    heard = performance.now();
    const event = JSON.parse(message.data);
    seq = event.seq;
    onEvent(event, !broken && event.seq > quiet);
    if (wants(event)) take();
  }

  function open() {
    source?.close();
    heard = opened = performance.now();
    source = new EventSource("/api/v1/events" + (seq === null ? "" : `?after=${seq}`));
    source.addEventListener("journal", hear);
    source.addEventListener("beat", () => (heard = performance.now()));
    source.addEventListener("open", take);
    source.addEventListener("error", () => (broken = true));
  }

  function tick() {
    const time = performance.now();
    if (time - tried > (broken ? POLL_BROKEN : POLL)) take();
    const dead = source?.readyState === EventSource.CLOSED && time - opened > 5000;
    if (source && (dead || time - heard > WATCHDOG)) open();
    onTick((time - good) / 1000, broken);
  }

  addEventListener("pagehide", () => {
    source?.close();
    source = null;
  });
  addEventListener("pageshow", (event) => event.persisted && open());
  setInterval(tick, 1000);
  tick();
  take().then(open);
  return { take };
}
