// What the kiosk knows of whoever stands before it, and which of its views they see.

import { $, onTap, say, show } from "./dom.js";

const WORDS = JSON.parse($("words").textContent);
const STEADY = 700;
const TOLD = 10_000;
const NOBODY = { language: 0, big: false, unit: null, page: 0, shown: null, reading: null, claim: null, ticket: null };

/**
 * `shown` is the card or code shown last, `reading` whose card it is, `claim` the priority that was declared, `back` the
 * view before this one.
 */
export const visit = { ...NOBODY, units: [], until: ["", ""], view: "choose", back: "choose", entered: -Infinity, touched: performance.now() };

/** Whether there is any trace of a visitor. */
export const known = () => visit.view !== "choose" || Object.keys(NOBODY).some((key) => visit[key] !== NOBODY[key]);
export const forget = () => Object.assign(visit, NOBODY);

/** What `key` says in the visitor's language, with its {words} filled in; "" for a key that says nothing. */
export const t = (key, values) => WORDS[key]?.[visit.language].replace(/\{(\w+)\}/g, (_, name) => values[name]) ?? "";
export const named = (thing) => (visit.language && thing.name_en) || thing.name;
export const services = () => visit.units.flatMap((unit) => unit.services.map((service) => ({ ...service, unit })));

export function enter(view) {
  visit.touched = visit.entered = performance.now();
  if (visit.view === view) return;
  notice("");
  Object.assign(visit, { view, back: visit.view });
  for (const each of document.querySelectorAll("main")) show(each.id, each.id === view);
  $(view).querySelector("[data-focus]")?.focus({ preventScroll: true });
}

/** A second touch of an unsteady hand must not press what has just appeared under it. */
export const press = (button, act) => onTap(button, () => performance.now() - visit.entered > STEADY && act());

let noticeTimer = 0;

/** Says it in the view that is seen, for ten seconds. */
export function notice(words) {
  for (const node of document.querySelectorAll(".notice")) {
    const here = words && node.closest("main").id === visit.view;
    say(node, here ? words : "");
    node.hidden = !here;
  }
  document.body.classList.toggle("noticed", Boolean(words));
  clearTimeout(noticeTimer);
  if (words) noticeTimer = setTimeout(() => notice(""), TOLD);
}
