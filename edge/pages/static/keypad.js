// Digits by touch or by a real keyboard, and a scanner, which is a keyboard that types faster than people.

import { $, el, onTap } from "./dom.js";
import { enter, visit } from "./visit.js";

const REPEAT = 250;
const BURST = 100;
const SHORTEST = 8;
let block;
let digits = "";
let act;

/** Asks for the digits that the block `name` has room for; `then(digits)` gets them once they are confirmed. */
export function keypad(name, then) {
  for (const each of document.querySelectorAll("[data-pad]")) {
    each.hidden = each.dataset.pad !== name;
    if (!each.hidden) block = each;
  }
  act = then;
  clearDigits();
  enter("keypad");
}

export function clearDigits() {
  digits = "";
  draw();
}

function draw() {
  let at = 0;
  for (const slot of block?.querySelectorAll("[data-size]") ?? []) {
    const shown = digits.slice(at, (at += Number(slot.dataset.size)));
    slot.replaceChildren(...[...shown.padEnd(slot.dataset.size)].map((digit) => el("i", {}, digit)));
  }
  $("confirm").disabled = digits.length < at;
}

/** A digit; "" takes the last one away. */
function type(digit) {
  const full = !$("confirm").disabled;
  digits = digit ? digits + (full ? "" : digit) : digits.slice(0, -1);
  draw();
}

for (const key of document.querySelectorAll("[data-digit]")) onTap(key, () => type(key.dataset.digit), REPEAT);
onTap($("confirm"), () => act(digits));
addEventListener("keydown", (event) => {
  if (visit.view !== "keypad") return;
  if (/^\d$/.test(event.key)) type(event.key);
  else if (event.key === "Backspace") type("");
  else if (event.key === "Enter" && !event.target.closest("button")) $("confirm").click();
});

/** `then(text)` gets what a scanner read. Its keys press no button; digits alone are somebody quick at the keypad. */
export function scanner(then) {
  let text = "";
  let last = 0;
  let keys = 0; // that came in one burst before this one
  const hear = (event) => {
    keys = event.timeStamp - last > BURST ? 0 : keys + 1;
    last = event.timeStamp;
    if (keys === 0) text = "";
    if (keys > 1 && ["Enter", " ", "Tab"].includes(event.key)) event.preventDefault();
    if (event.key.length === 1) text = (text + event.key).slice(-200);
    if (event.key !== "Enter" || text.length < SHORTEST || /^\d+$/.test(text)) return;
    event.stopImmediatePropagation();
    then(text);
    text = "";
  };
  addEventListener("keydown", hear, true);
}
