// The sound of a call: what the edge speaks, one after the other; two soft tones made here when that cannot be had.

const TONES = [
  [659.25, 0],
  [523.25, 0.32],
];
const after = (ms) => new Promise((over) => setTimeout(over, ms));
let context;

/** Whether the browser lets this page sound; it may refuse until the first touch. */
export async function soundAllowed() {
  try {
    context ??= new AudioContext();
  } catch {
    return false;
  }
  // Where sound is refused, resume() stays pending instead of failing.
  await Promise.race([context.resume().catch(() => {}), after(800)]);
  return context.state === "running";
}

function chime() {
  for (const [pitch, later] of TONES) {
    const start = context.currentTime + later;
    const tone = new OscillatorNode(context, { type: "sine", frequency: pitch });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.5, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + 0.6);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.62);
  }
}

/** The two tones, where the page may sound. */
export const ring = async () => (await soundAllowed()) && chime();

const STALE = 45_000;
let before = Promise.resolve();

/** Plays the announcement at `url` after those before it; one that had to wait too long is not played any more. */
export function announce(url) {
  const asked = performance.now();
  before = before.then(() => (performance.now() - asked < STALE ? play(url) : null));
}

let source;
let nth = 0;

/** Ends what is heard, and what is on its way. */
export const hush = () => (nth++, source?.stop());

export async function play(url, options) {
  const mine = nth;
  if (!(await soundAllowed())) return;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000), ...options });
    const buffer = await context.decodeAudioData(await answer.arrayBuffer());
    if (mine !== nth) return;
    source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    source.start();
    // An output that is lost meanwhile ends nothing.
    await Promise.race([new Promise((over) => (source.onended = over)), after(1000 * buffer.duration + 1000)]);
  } catch {
    chime();
    await after(1000);
  }
}
