// The hall screen of one zone: the newest call large, the calls before it, and beside them the leaf of the playlist.

import { get, now } from "./api.js";
import { add, admit, shown } from "./band.js";
import { announce, ring, soundAllowed } from "./chime.js";
import { $, clock, drawn, el, list, say, show } from "./dom.js";
import { live } from "./live.js";

const { zone, leaf: HOLD } = document.body.dataset;
const OLD = 15;
const DEAD = 45;
const TOLD = 60_000; // how long the page itself says that it is silent
const SHIFT = 240_000; // against burn-in
let board = { calls: [] };
let band = [];
let good = null;
let dead = false;
let silent = false;

const room = () => Number(getComputedStyle(document.body).getPropertyValue("--room"));

// ---- drawing

function makeCall(tag) {
  return el(tag, { class: "call" }, el("b"), el("span", {}, el("u"), el("i", {}, "口")));
}

function updateCall(node, call) {
  say(node.firstChild, call.number);
  say(node.lastChild.firstChild, `${call.window}号窗`);
  node.dataset.state = call.state;
  node.lastChild.dataset.en = `Window ${call.window}`;
  node.setAttribute("aria-label", call.text ?? `请${call.number}号到${call.window}号窗口`);
}

/** The band: what is being called now; else the last call, without the highlight; else what to do. */
function drawBand() {
  const node = $("band");
  const lit = shown(band);
  const calls = dead ? [] : lit.length ? lit : board.calls.slice(0, 1);
  node.dataset.count = calls.length;
  node.classList.toggle("calling", !dead && lit.length > 0);
  if (calls.length) {
    list(node, calls, (call) => `${call.number} ${call.until ?? ""}`, () => makeCall("div"), updateCall);
  } else {
    const words = dead ? "显示暂停更新，请听叫号或看窗口屏" : $("told").dataset.rest;
    list(node, [words], (each) => each, () => el("p", { class: "words" }, words));
  }
  return calls;
}

function draw() {
  const above = drawBand();
  const others = board.calls.filter(({ number }) => !above.some((call) => call.number === number));
  others.sort((one, two) => (two.state === "called") - (one.state === "called"));
  list($("calls"), others.slice(0, 9), (call) => call.number, () => makeCall("li"), updateCall);
  if (alone !== !others.length) turn(0);
}

// ---- the playlist

let [leaf, turned, asked, told] = [0, 0, 0, 0];
let alone = null;
window.name ||= Math.random(); // of this panel, also after a reload

/** Goes on by `step` leaves; 0 draws the same one anew. What has not changed is left as it stands. */
async function turn(step) {
  const nth = ++asked;
  leaf += step;
  alone = !$("calls").firstChild;
  const fresh = await drawn(`/screen/${zone}/leaf?panel=${name}&n=${leaf}&tall=${innerHeight > innerWidth}&alone=${alone}&silent=${silent}`);
  const old = $("told");
  if (!fresh || nth < told) return;
  told = nth;
  if (nth === asked) leaf = +fresh.dataset.n;
  if (!fresh.isEqualNode(old)) old.replaceWith(fresh);
  if (fresh.dataset.emergency && fresh.dataset.emergency !== old.dataset.emergency) ring();
}

// ---- what happens

/** A call is on the screen before the snapshot has come back; what a break held back is neither rung nor lit again. */
function hear(event, fresh) {
  if (/^(bulletin|hall)\./.test(event.type)) turn(0);
  if (!/^ticket\.(re)?(call|sum)ed$/.test(event.type) || !fresh) return;
  const { number, window, zone: there } = event.data;
  if (there && there !== zone) return;
  band = add(band, { number, window, state: "called" }, performance.now(), room());
  draw();
  announce(`/api/v1/announcements/${event.seq}.wav`);
}

async function refresh() {
  board = await get(`/board?zone=${encodeURIComponent(zone)}`);
  good = now();
  // A called ticket that was finished or missed meanwhile has left the board; the band keeps its time, the text its words.
  band = band.map((call) => ({ ...board.calls.find((each) => each.number === call.number), ...call }));
  draw();
  if ($("told").querySelector("[data-kind=waiting]")) turn(0);
  return board.seq;
}

function tick(age) {
  const time = performance.now();
  say("clock", clock(now()));
  say("updated", age > OLD && good ? `断网，更新于 ${clock(good)}` : "");
  dead = age > DEAD;
  band = admit(band, time, room());
  document.body.classList.toggle("stale", dead);
  document.body.dataset.shift = Math.floor(time / SHIFT) % 4;
  draw();
  if (time - turned < HOLD * 1000) return;
  turned = time;
  check();
  turn(shown(band).length ? 0 : 1);
}

/** Ops is told with each leaf, and at once when it changes. */
async function check() {
  const was = silent;
  silent = !(await soundAllowed());
  show("muted", silent && performance.now() < TOLD);
  if (silent !== was) turn(0);
}

onpointerdown = onkeydown = check;
check();
live({ refresh, onEvent: hear, onTick: tick, wants: (event) => /^ticket\./.test(event.type) });
