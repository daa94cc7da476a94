// Which calls the band of the hall screen holds: pure, times in ms are passed in.

const HOLD = 10_000;

/**
 * A band is a list of { number, window, until, text } in the order they came; `until` is null while a call waits for one
 * of its `room` places.
 * A repeated call of the same number starts its time again.
 */
export function add(band, call, time, room) {
  const others = band.filter((each) => each.number !== call.number);
  return admit([...others, { ...call, until: null }], time, room);
}

/** Drops what has been shown for HOLD, and lets waiting calls in: none is cut short, none is lost. */
export function admit(band, time, room) {
  const kept = band.filter((each) => each.until === null || each.until > time);
  let free = room - shown(kept).length;
  return kept.map((each) => (each.until === null && free-- > 0 ? { ...each, until: time + HOLD } : each));
}

export const shown = (band) => band.filter((each) => each.until !== null);
