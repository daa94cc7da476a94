// The hall screen of one zone: the newest call large, the calls before it, and how many wait.

import { get, now } from "./api.js";
import { add, admit, shown } from "./band.js";
import { announce, soundAllowed } from "./chime.js";
import { $, clock, el, list, say, show } from "./dom.js";
import { live } from "./live.js";

const zone = document.body.dataset.zone;
const ROW = 164 / 1920;
const OLD = 15;
const DEAD = 45;
let board = { calls: [], waiting: [] };
let band = [];
let good = null;
let dead = false;

const place = (window) => `${window}号窗口`;

// ---- drawing

function makeCall() {
  return el("div", { class: "call", "data-test": "call" }, el("b"), el("span"));
}

function updateCall(node, call) {
  say(node.firstChild, call.number);
  say(node.lastChild, place(call.window));
  node.setAttribute("aria-label", call.text ?? `请${call.number}号到${place(call.window)}`);
}

/** The band: what is being called now; else the last call, without the highlight; else what to do. */
function drawBand() {
  const node = $("band");
  const now = shown(band);
  const rest = now.length ? [] : board.calls.slice(0, 1);
  const calls = dead ? [] : now.length ? now : rest;
  node.dataset.count = String(calls.length);
  node.classList.toggle("calling", !dead && now.length > 0);
  if (calls.length) {
    node.querySelector(".words")?.remove();
    list(node, calls, (call) => `${call.number} ${call.until ?? ""}`, makeCall, updateCall);
  } else {
    const words = dead ? "显示暂停更新，请听叫号或看窗口屏" : "请坐下等候叫号";
    list(node, [words], (each) => each, () => el("p", { class: "words" }, words));
  }
  return new Set(calls.map((call) => call.number));
}

function drawWaiting() {
  const makeWaiting = () => el("p", {}, el("span"), el("b"));
  list($("waiting"), board.waiting, (each) => each.service, makeWaiting, (node, each) => {
    node.dataset.service = each.service;
    say(node.firstChild, each.name);
    say(node.lastChild, `等候 ${each.waiting} 人`);
  });
}

function draw() {
  drawWaiting();
  const above = drawBand();
  const others = board.calls.filter((call) => !above.has(call.number));
  const order = [...others.filter((call) => call.state === "called"), ...others.filter((call) => call.state !== "called")];
  const rows = Math.max(1, Math.floor($("calls").clientHeight / (ROW * innerWidth)));
  const make = () => el("li", { "data-test": "row" }, el("b"), el("span"));
  list($("calls"), order.slice(0, rows), (call) => call.number, make, updateCall);
}

// ---- what happens

/** A call is on the screen before the snapshot has come back; what a break held back is neither rung nor lit again. */
function hear(event, fresh) {
  if (!["ticket.called", "ticket.recalled"].includes(event.type) || !fresh) return;
  const { number, window, zone: there } = event.data;
  if (there && there !== zone) return;
  band = add(band, { number, window }, performance.now());
  draw();
  sound(event.seq);
}

async function sound(seq) {
  const allowed = await soundAllowed();
  show("muted", !allowed);
  if (allowed) announce(`/api/v1/announcements/${seq}.wav`);
}

async function refresh() {
  board = await get(`/board?zone=${encodeURIComponent(zone)}`);
  good = now();
  // A called ticket that was finished or missed meanwhile has left the board; the band keeps its time, the text its words.
  band = band.map((call) => ({ ...board.calls.find((each) => each.number === call.number), ...call }));
  draw();
  return board.seq;
}

function tick(age) {
  say("clock", clock(now()));
  say("updated", age > OLD && good ? `更新于 ${clock(good)}` : "");
  const was = [dead, band.length, shown(band).length].join();
  dead = age > DEAD;
  band = admit(band, performance.now());
  document.body.classList.toggle("stale", dead);
  if (was !== [dead, band.length, shown(band).length].join()) draw();
}

const check = async () => show("muted", !(await soundAllowed()));
for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, check);
check();
live({ refresh, onEvent: hear, onTick: tick, wants: (event) => event.type.startsWith("ticket.") });
