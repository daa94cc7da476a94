// The ticket kiosk: one touch on a service gives a number, with or without a card, a booking or a claim before it.

import { get, now, post, posted } from "./api.js";
import { hush, play, ring } from "./chime.js";
import { $, clock, copy, drawn, list, onTap, say, show } from "./dom.js";
import { clearDigits, keypad, scanner } from "./keypad.js";
import { live, take } from "./live.js";
import { clearNumber, drawNumber, drawPrint, here, obtain, printAgain, redeem, rest, takeMessages, waits } from "./number.js";
import { enter, forget, known, named, notice, press, services, t, visit } from "./visit.js";
import { drawYours, greet, readCards } from "./yours.js";

const RESULT = 20_000;
const IDLE = 60_000;
const ANSWER = 20_000;
const ALOUD = 30_000;

// ---- choosing

const why = (it) => (visit.language && it.why_en) || it.why || t("closed");

function makeTile({ id, services }) {
  const tile = copy("tile");
  tile.dataset[services ? "unit" : "service"] = id;
  press(tile, () => (services ? turn(0, id) : choose(tile.dataset)));
  return tile;
}

function updateTile(tile, it) {
  const [unit, name, wait, about] = tile.querySelectorAll(".part");
  const { open, services: inside } = it;
  say(unit, it.unit && named(it.unit));
  say(name, named(it));
  tile.classList.toggle("closed", !open);
  say(wait, open ? t("waiting", { n: it.waiting }) : why(it));
  say(about, inside ? t("items", { n: inside.length }) : open ? waits(it.estimate) : "");
}

/** In a hall with more services than fit on a page the unit comes first. */
function drawChoose() {
  const { unit, units, big } = visit;
  const mine = services().filter((each) => !unit || each.unit.id === unit);
  const all = mine.length > 6 && !unit ? units.filter((each) => each.services.length) : mine;
  const size = big ? 4 : 6;
  const pages = Math.max(1, Math.ceil(all.length / size));
  visit.page = Math.min(visit.page, pages - 1);
  const shown = all.slice(visit.page * size).slice(0, size);
  list($("tiles"), shown, (each) => [each.id, each.prefix], makeTile, updateTile);
  say("total", t("total", { n: units.reduce((sum, each) => sum + each.waiting, 0) }) + visit.until[visit.language]);
  say("page", pages > 1 ? `${visit.page + 1} / ${pages}` : "");
  show("turn", pages > 1 || unit);
  $("previous").disabled = visit.page === 0 && !unit;
  $("next").disabled = visit.page === pages - 1;
  drawYours();
  fit();
}

/** Smaller type rather than words cut off. */
function fit() {
  for (const node of document.querySelectorAll(".tile, .facts")) {
    const full = () => node.scrollHeight > node.clientHeight;
    node.classList.remove("tight");
    node.style.setProperty("--fit", 1);
    node.classList.toggle("tight", full());
    for (let size = 1; size > 0.6 && full(); node.style.setProperty("--fit", size)) size -= 0.05;
  }
}

function choose({ service: id }) {
  const service = services().find((each) => each.id === id);
  if (!service) return;
  if (service.open) obtain("/tickets", { service: id, card: visit.reading?.card, priority: visit.claim, ...here });
  else notice(`${named(service)}：${why(service)}`);
}

function turn(page, unit = visit.unit) {
  Object.assign(visit, { page, unit });
  enter("choose");
  drawChoose();
}

function declare({ reason }) {
  visit.claim = reason;
  drawYours();
  enter("choose");
}

// ---- the guide, and booking

/** What the server draws at a path; with `once` all that the press says is sent there. */
async function read(said) {
  const drawing = await drawn(`${said.path}&lang=${document.documentElement.lang}`, said.once && new URLSearchParams(said));
  if (!drawing) return enter("down");
  enter("guide");
  $("guide").replaceChildren(drawing);
  bind(drawing);
  fit();
  drawing.focus();
}

/** A card beside a booking is who books; elsewhere its holder is greeted. */
function meet(reading) {
  const asks = document.querySelector("#guide:not([hidden]) [data-card]");
  if (asks && reading.card) read({ ...asks.dataset, act: "", card: reading.card });
  else greet(reading);
}

function aloud() {
  visit.touched += ALOUD;
  play(`/api/v1/kiosks/${here.kiosk}/aloud`, posted({ text: $(visit.view).innerText, english: !!visit.language }));
}

const byPhone = (digits) => redeem({ number: digits.slice(0, 6), phone_tail: digits.slice(6) });

// ---- who stands here, and for how long

/** Takes a card or a code that somebody shows; beside another's number it is the next visitor's. */
const whenShown = (act) => async (it) => {
  await rest();
  if (visit.view === "down" || (visit.ticket && visit.shown === it)) return;
  if (visit.ticket) leave();
  if (visit.view === "ask") enter(visit.back);
  clearDigits();
  visit.shown = it;
  act(it);
};

/** Sight and sound: who looks away for a minute is told before anything goes. */
function ask() {
  enter("ask");
  ring();
}

function leave() {
  hush();
  forget();
  clearDigits();
  clearNumber();
  $("guide").replaceChildren();
  enter("choose");
  notice("");
  dress();
}

/** The template speaks Chinese; here its words change their language. */
function dress() {
  document.documentElement.lang = visit.language ? "en" : "zh-CN";
  document.body.classList.toggle("large", visit.big);
  for (const node of document.querySelectorAll("[data-en]")) {
    node.dataset.zh ??= node.textContent;
    say(node, visit.language ? node.dataset.en : node.dataset.zh);
  }
  say("big", t(visit.big ? "normal" : "big"));
  $("big").setAttribute("aria-pressed", String(visit.big));
  drawChoose();
  if (visit.ticket) drawNumber();
}

function tick(age) {
  say("clock", clock(now()));
  const calm = performance.now() - visit.touched;
  if (visit.ticket) {
    drawPrint();
    // A printer that comes back is no event of the hall's public stream.
    if (visit.ticket.print !== "printed") take();
  }
  if (visit.view === "result") {
    if (calm > RESULT) leave();
  } else if (age > 15 && !visit.ticket) enter("down");
  else if (visit.view === "ask") drawLeft();
  else if (calm > IDLE * (visit.big ? 1.5 : 1) && known()) ask();
}

function drawLeft() {
  const left = ANSWER - (performance.now() - visit.entered);
  say("left", String(Math.ceil(left / 1000)));
  if (left <= 0) leave();
}

async function refresh() {
  const held = visit.ticket;
  const [taken, ticket] = await Promise.all([get("/services"), held && get(`/tickets/${held.id}`)]);
  visit.units = taken.units;
  visit.until = taken.day.until;
  if (held && visit.ticket === held) {
    visit.ticket = { ...held, ...ticket };
    drawNumber();
  }
  drawChoose();
  if (visit.view === "down") leave();
  return taken.seq;
}

const DOES = {
  again: () => printAgain(),
  aloud,
  back: () => enter(visit.ticket ? "result" : visit.view + visit.back === "keypadguide" ? "guide" : "choose"),
  big: () => ((visit.big = !visit.big), (visit.page = 0), dress()),
  booking: () => keypad("booking", byPhone),
  claim: () => enter("reasons"),
  declare,
  desk: () => notice(t("desk")),
  help: () => post(`/kiosks/${here.kiosk}/help`, {}, []).then(() => t("told"), (it) => it.title).then(notice),
  language: () => ((visit.language = 1 - visit.language), notice(""), dress()),
  leave,
  next: () => turn(visit.page + 1),
  previous: () => (visit.page ? turn(visit.page - 1) : turn(0, null)),
  read,
  tail: (said) => keypad("tail", (tail) => read({ ...said, tail })),
  take: choose,
  text: takeMessages,
};

function bind(root) {
  for (const each of root.querySelectorAll("[data-does]")) press(each, () => DOES[each.dataset.does](each.dataset));
}

bind(document);
// What nobody sees has no size.
new ResizeObserver(fit).observe($("tiles"));
// A touch anywhere on the question means: I am still here.
onTap($("ask"), (event) => event.target.closest("#home") || enter(visit.back));
const touch = () => ((visit.touched = performance.now()), hush());
for (const each of ["pointerdown", "keydown"]) addEventListener(each, touch);
addEventListener("contextmenu", (event) => event.preventDefault());
dress();
scanner(whenShown((code) => redeem({ code })));
live({ refresh, onTick: tick, wants: (event) => /^(ticket|print|window|device)\./.test(event.type) });
if ("reader" in document.body.dataset) readCards(whenShown(meet));
