// The ticket kiosk: one touch on a service gives a number, with a card, a booking or a claim before it or without.
// The ticket is committed before anything is printed.

import { get, now } from "./api.js";
import { ring } from "./chime.js";
import { $, clock, copy, list, onTap, say, show } from "./dom.js";
import { clearDigits, keypad, scanner } from "./keypad.js";
import { live, take } from "./live.js";
import { clearNumber, drawNumber, drawPrint, here, obtain, printAgain, rest, takeMessages, waits } from "./number.js";
import { enter, forget, known, named, notice, press, services, t, visit } from "./visit.js";
import { drawYours, greet, readCards } from "./yours.js";

const RESULT = 20_000;
const IDLE = 60_000;
const ANSWER = 20_000;

// ---- choosing

function makeTile(service) {
  const tile = copy("tile");
  tile.dataset.service = service.id;
  press(tile, () => choose(service.id));
  return tile;
}

function updateTile(tile, service) {
  const [unit, name, wait, about] = tile.querySelectorAll(".part");
  say(unit, named(service.unit));
  say(name, named(service));
  tile.classList.toggle("closed", !service.open);
  say(wait, service.open ? t("waiting", { n: service.waiting }) : service.why || t("closed"));
  say(about, service.open && service.estimate ? waits("about", service.estimate) : "");
}

function drawChoose() {
  const all = services();
  const size = visit.big ? 4 : 6;
  const pages = Math.max(1, Math.ceil(all.length / size));
  visit.page = Math.min(visit.page, pages - 1);
  const shown = all.slice(visit.page * size, (visit.page + 1) * size);
  list($("tiles"), shown, (service) => service.id, makeTile, updateTile);
  say("total", t("total", { n: all.reduce((sum, service) => sum + service.waiting, 0) }));
  say("page", `${visit.page + 1} / ${pages}`);
  show("turn", pages > 1);
  $("previous").disabled = visit.page === 0;
  $("next").disabled = visit.page === pages - 1;
  drawYours();
  fit($("tiles"));
}

/** Long names: smaller type for all tiles alike, rather than words cut off. */
function fit(tiles) {
  tiles.classList.remove("tight");
  tiles.classList.toggle("tight", [...tiles.children].some((tile) => tile.scrollHeight > tile.clientHeight));
}

function choose(id) {
  const service = services().find((each) => each.id === id);
  if (!service) return;
  if (service.open) obtain("/tickets", { service: id, card: visit.reading?.card, priority: visit.claim, ...here });
  else notice(`${named(service)}：${service.why || t("closed")}`);
}

function declare(reason) {
  visit.claim = reason;
  drawYours();
  enter("choose");
}

// ---- bookings

const redeem = (booking) => obtain("/appointments/check-in", { ...booking, ...here });
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

/** Every trace of the visitor goes. */
function leave() {
  forget();
  clearDigits();
  clearNumber();
  enter("choose");
  notice("");
  dress();
}

/** Words that never change stand in the template, in Chinese; here they change their language. */
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
  say("left", String(Math.max(0, Math.ceil(left / 1000))));
  if (left <= 0) leave();
}

async function refresh() {
  const held = visit.ticket;
  const [taken, ticket] = await Promise.all([
    get("/services"),
    held && get(`/tickets/${held.id}`),
  ]);
  visit.units = taken.units;
  if (held && visit.ticket === held) {
    visit.ticket = { ...held, ...ticket };
    drawNumber();
  }
  drawChoose();
  if (visit.view === "down") leave();
  return taken.seq;
}

onTap($("previous"), () => ((visit.page -= 1), drawChoose()));
onTap($("next"), () => ((visit.page += 1), drawChoose()));
onTap($("big"), () => ((visit.big = !visit.big), (visit.page = 0), dress()));
onTap($("language"), () => ((visit.language = 1 - visit.language), notice(""), dress()));
onTap($("helper"), () => notice(t("helperCome")));
press($("booking"), () => keypad("booking", byPhone));
for (const id of ["end", "leave", "home", "done"]) press($(id), leave);
press($("others"), () => enter("choose"));
press($("again"), () => printAgain());
press($("text"), takeMessages);
if ($("claim")) press($("claim"), () => ("desk" in $("claim").dataset ? notice(t("desk")) : enter("reasons")));
for (const each of document.querySelectorAll("[data-reason]")) press(each, () => declare(each.dataset.reason));
for (const each of document.querySelectorAll("[data-back]")) press(each, () => enter(visit.ticket ? "result" : "choose"));
// A touch anywhere else on the question also means: I am still here.
onTap($("ask"), (event) => event.target.closest("#home") || enter(visit.back));
for (const each of ["pointerdown", "keydown"]) addEventListener(each, () => (visit.touched = performance.now()));
addEventListener("contextmenu", (event) => event.preventDefault());
dress();
scanner(whenShown((code) => redeem({ code })));
live({ refresh, onTick: tick, wants: (event) => /^(ticket|print|window|device)\./.test(event.type) });
if ("reader" in document.body.dataset) readCards(whenShown(greet));
