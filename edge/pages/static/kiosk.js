// The ticket kiosk: one touch on a service gives a number. The ticket is committed before anything is printed.

import { get, now, post } from "./api.js";
import { chime, soundAllowed } from "./chime.js";
import { $, clock, el, list, onTap, places, range, say, show } from "./dom.js";
import { live, take } from "./live.js";
import { en, fill, zh } from "./texts.js";

const RESULT = 20_000;
const IDLE = 60_000;
const ANSWER = 20_000;
const PAPER = 8_000;
const data = document.body.dataset;

const state = { texts: zh, big: false, page: 0, view: "choose", units: [], ticket: null };
let busy = false;
let touched = performance.now();
let entered = touched;
let asked = 0;
let noticeTimer = 0;

const t = (key, values) => fill(state.texts, key, values);
const named = (thing) => (state.texts === en && thing.name_en) || thing.name;

function enter(view) {
  if (state.view === view) return;
  state.view = view;
  entered = touched = performance.now();
  for (const each of ["choose", "result", "ask", "down"]) show(each, each === view);
  if (view === "result") $("done").focus({ preventScroll: true });
}

function notice(id, words) {
  say(id, words);
  show(id, Boolean(words));
  document.body.classList.toggle("noticed", Boolean(words) && id === "notice");
  clearTimeout(noticeTimer);
  if (words) noticeTimer = setTimeout(() => notice(id, ""), 10_000);
}

/** How long, in words: nobody ahead is not "0 to 5 minutes". */
const waits = (words, estimate) => (estimate.minutes ? t(words, { a: range(estimate) }) : t("soon"));

// ---- choosing

function services() {
  return state.units.flatMap((unit) => unit.services.map((service) => ({ ...service, unit })));
}

function makeTile(service) {
  const tile = el("button", { type: "button", class: "tile", "data-service": service.id });
  for (const part of ["unit", "name", "wait"]) tile.append(el("span", { class: part }));
  tile.lastChild.append(el("span"), el("span"));
  onTap(tile, () => choose(service.id));
  return tile;
}

function updateTile(tile, service) {
  const [unit, name, wait] = tile.children;
  say(unit, named(service.unit));
  say(name, named(service));
  tile.classList.toggle("closed", !service.open);
  say(wait.firstChild, service.open ? t("waiting", { n: service.waiting }) : service.why || t("closed"));
  say(wait.lastChild, service.open && service.estimate ? waits("about", service.estimate) : "");
}

function drawChoose() {
  const all = services();
  const size = state.big ? 4 : 6;
  const pages = Math.max(1, Math.ceil(all.length / size));
  state.page = Math.min(state.page, pages - 1);
  const shown = all.slice(state.page * size, (state.page + 1) * size);
  list($("tiles"), shown, (service) => service.id, makeTile, updateTile);
  say("total", t("total", { n: all.reduce((sum, service) => sum + service.waiting, 0) }));
  say("page", pages > 1 ? t("page", { n: state.page + 1, of: pages }) : "");
  show("turn", pages > 1);
  $("previous").disabled = state.page === 0;
  $("next").disabled = state.page === pages - 1;
  fit($("tiles"));
}

/** Long names: smaller type for all tiles alike, rather than words cut off. */
function fit(tiles) {
  tiles.classList.remove("tight");
  tiles.classList.toggle("tight", [...tiles.children].some((tile) => tile.scrollHeight > tile.clientHeight));
}

async function choose(id) {
  const service = services().find((each) => each.id === id);
  if (busy || !service) return;
  if (!service.open) {
    notice("notice", `${named(service)}：${service.why || t("closed")}`);
    return;
  }
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  const told = [
    setTimeout(() => notice("notice", t("issuing")), 400),
    setTimeout(() => notice("notice", t("slow")), 3000),
  ];
  try {
    const ticket = await post("/tickets", { service: id, channel: "kiosk", kiosk: data.kiosk });
    notice("notice", "");
    asked = performance.now();
    state.ticket = ticket;
    drawResult();
    enter("result");
  } catch (problem) {
    notice("notice", problem.status ? problem.title : "");
    if (!problem.status) enter("down");
  } finally {
    told.forEach(clearTimeout);
    busy = false;
    document.body.removeAttribute("aria-busy");
  }
}

// ---- the number

function drawPrint() {
  const { print, printer_ok: printer, number } = state.ticket;
  const late = performance.now() - asked > PAPER;
  const hopeless = print === "none" || print === "unknown" || !printer || late;
  const key = print === "printed" ? "printed" : hopeless ? "unprinted" : "printing";
  say("print", t(key, { number }));
  $("print").dataset.print = key;
  show("again", key === "unprinted" && printer);
}

function drawResult() {
  const ticket = state.ticket;
  const called = ticket.window !== null && ["called", "serving"].includes(ticket.state);
  say("service", named(ticket.service));
  say("number", ticket.number);
  say("ahead", called ? t("come", { no: ticket.window }) : t("ahead", { n: ticket.ahead }));
  $("ahead").classList.toggle("called", called);
  const windows = ticket.windows.filter((each) => !called || each.no === ticket.window);
  say("windows", t("windows", { w: places(windows, t("window")) }));
  say("estimate", !called && ticket.estimate ? waits("estimate", ticket.estimate) : "");
  drawPrint();
}

async function printAgain() {
  notice("refused", "");
  try {
    state.ticket = await post(`/tickets/${encodeURIComponent(state.ticket.id)}/print`);
    asked = performance.now();
    drawResult();
  } catch (problem) {
    notice("refused", problem.title);
  }
}

/** Sight and sound: who looks away for a minute is told before anything goes. */
async function ask() {
  enter("ask");
  $("stay").focus({ preventScroll: true });
  if (await soundAllowed()) chime();
}

const pristine = () => state.page === 0 && !state.big && state.texts === zh;

function leave() {
  Object.assign(state, { texts: zh, big: false, page: 0, ticket: null });
  for (const id of ["notice", "refused"]) notice(id, "");
  for (const id of ["service", "number", "ahead", "windows", "estimate", "print"]) say(id, "");
  enter("choose");
  dress();
}

// ---- language, size, time

function dress() {
  const english = state.texts === en;
  document.documentElement.lang = english ? "en" : "zh-CN";
  document.body.classList.toggle("large", state.big);
  for (const node of document.querySelectorAll("[data-t]")) say(node, t(node.dataset.t));
  say("hall", english ? data.hallEn : data.hall);
  say("big", t(state.big ? "normal" : "big"));
  $("big").setAttribute("aria-pressed", String(state.big));
  say("language", t("other"));
  drawChoose();
  if (state.ticket) drawResult();
}

function tick(age) {
  say("clock", clock(now()));
  const calm = performance.now() - touched;
  if (state.view === "result") {
    drawPrint();
    // A printer that comes back is no event of the hall's public stream.
    if (state.ticket.print !== "printed") take();
    if (calm > RESULT) leave();
  } else if (age > 15) enter("down");
  else if (state.view === "ask") drawLeft();
  else if (calm > IDLE * (state.big ? 1.5 : 1) && !pristine()) ask();
}

function drawLeft() {
  const left = ANSWER - (performance.now() - entered);
  say("left", String(Math.max(0, Math.ceil(left / 1000))));
  if (left <= 0) leave();
}

async function refresh() {
  const held = state.ticket;
  const [taken, ticket] = await Promise.all([
    get("/services"),
    held && get(`/tickets/${encodeURIComponent(held.id)}`),
  ]);
  state.units = taken.units;
  if (held && state.ticket === held) {
    state.ticket = ticket;
    drawResult();
  }
  drawChoose();
  if (state.view === "down") leave();
  return taken.seq;
}

/** A second touch of an unsteady hand must not press what has just appeared under it. */
const settled = (action) => () => performance.now() - entered > 700 && action();

onTap($("previous"), () => ((state.page -= 1), drawChoose()));
onTap($("next"), () => ((state.page += 1), drawChoose()));
onTap($("big"), () => ((state.big = !state.big), (state.page = 0), dress()));
onTap($("language"), () => ((state.texts = state.texts === zh ? en : zh), notice("notice", ""), dress()));
onTap($("helper"), () => notice("notice", t("helperCome")));
onTap($("home"), settled(leave));
// A touch anywhere else on the question also means: I am still here.
onTap($("ask"), (event) => event.target.closest("#home") || enter("choose"));
onTap($("again"), settled(printAgain));
onTap($("done"), settled(leave));
addEventListener("pointerdown", () => (touched = performance.now()));
addEventListener("keydown", () => (touched = performance.now()));
addEventListener("contextmenu", (event) => event.preventDefault());
dress();
live({ refresh, onTick: tick, wants: (event) => /^(ticket|print|window|device)\./.test(event.type) });
