// The visitor's number: how it is got, shown, printed once more, and followed by text messages.

import { post } from "./api.js";
import { $, places, say, show } from "./dom.js";
import { keypad } from "./keypad.js";
import { enter, named, notice, t, visit } from "./visit.js";

const PAPER = 8_000;
const data = document.body.dataset;
export const here = { channel: "kiosk", kiosk: data.kiosk };

let busy = false;
let asked = 0;

/** Resolves once nothing is being asked. */
export async function rest() {
  while (busy) await new Promise((wake) => setTimeout(wake, 200));
}

/**
 * One ask at a time: the answer becomes what is known of the visitor's ticket, and true is returned; what goes wrong
 * is said where they look.
 */
export async function obtain(path, body) {
  if (busy) return false;
  busy = true;
  const mine = visit.ticket?.id;
  document.body.setAttribute("aria-busy", "true");
  const told = [setTimeout(() => notice(t("wait")), 400), setTimeout(() => notice(t("slow")), 3000)];
  try {
    const answer = await post(path, body);
    notice("");
    if (mine && visit.ticket?.id !== mine) return false;
    asked = performance.now();
    visit.ticket = { ...visit.ticket, ...answer };
    drawNumber();
    enter("result");
    return true;
  } catch (problem) {
    if (problem.status || visit.ticket) notice(problem.title);
    else enter("down");
    return false;
  } finally {
    told.forEach(clearTimeout);
    busy = false;
    document.body.removeAttribute("aria-busy");
  }
}

export const redeem = (booking) => obtain("/appointments/check-in", { ...booking, ...here });

/** How long, in words. */
export const waits = (estimate) => (visit.language ? estimate.words_en : estimate.words);

export function drawPrint() {
  const { existing, print, printer_ok: printer, number } = visit.ticket;
  const late = performance.now() - asked > PAPER;
  const hopeless = print === "none" || print === "unknown" || !printer || late;
  const paper = print === "printed" ? "printed" : hopeless ? "unprinted" : "printing";
  const key = existing ? "existing" : paper;
  say("print", t(visit.reading ? key + "Card" : key, { number }));
  $("print").dataset.print = key;
  show("again", printer && (existing ? paper !== "printing" : paper === "unprinted"));
}

export function drawNumber() {
  const { service, number, state, window, ahead, estimate, windows, priority, priority_words: why, phone, late } = visit.ticket;
  const called = ["called", "serving"].includes(state);
  const waiting = state === "waiting";
  say("service", named(service));
  say("number", number);
  say("ahead", called ? t("come", { no: window }) : waiting ? t("ahead", { n: ahead }) : t(state));
  $("ahead").classList.toggle("called", called);
  const there = windows.filter((each) => !called || each.no === window);
  say("windows", t("windows", { w: places(there, t("window")) }));
  say("estimate", waiting ? t("estimate", { a: waits(estimate) }) : "");
  say("entitlement", late ? waits(late) : priority ? t("priority", { why }) : "");
  say("texted", phone ? t("texted", { phone }) : "");
  show("text", "sms" in data && !phone);
  drawPrint();
}

export function clearNumber() {
  for (const node of $("result").querySelectorAll("[id]:not(button)")) say(node, "");
}

export async function printAgain(id = visit.ticket.id) {
  if (!(await obtain(`/tickets/${id}/print`))) return;
  visit.ticket.existing = false;
  drawPrint();
}

export function takeMessages() {
  const { id } = visit.ticket;
  keypad("phone", (phone) => obtain(`/tickets/${id}/sms`, { phone }));
}
