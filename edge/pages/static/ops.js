// The ops page is drawn by the service. Here what differs is put in its place, and nobody's focus or words are lost.

import { now } from "./api.js";
import { $, clock, list, say } from "./dom.js";
import { live, take } from "./live.js";

let drawn = null;

/** Whoever types or chooses here is not disturbed. */
const typing = (node) => node.contains(document.activeElement) && document.activeElement.matches("input, select");

function swap(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if ("list" in fresh.dataset) return list(old, [...fresh.children], (node) => node.dataset.key, (node) => node, swap);
  if (typing(old)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  for (const each of old.querySelectorAll("details[open]")) fresh.querySelector(`#${each.id}`)?.setAttribute("open", "");
  if (old.open) fresh.setAttribute("open", "");
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  old.replaceChildren(...fresh.childNodes);
  $(focused)?.focus({ preventScroll: true });
}

/** Puts what the service drew in its place; returns the journal's seq that it was drawn at. */
function draw(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const seq = fresh.querySelector("[data-seq]")?.dataset.seq;
  if (!seq) return location.reload(); // signed out
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = $(part.id);
    if (old) swap(old, part);
  }
  drawn = now();
  return Number(seq);
}

async function ask(path, options) {
  try {
    const answer = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (answer.status < 500) return await answer.text();
  } catch {
    // as when it answers that it cannot
  }
  throw { status: 0 };
}

const refresh = async () => draw(await ask("/ops/now"));

// A form is sent without leaving the page; the answer is the page as it then is.
addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  document.activeElement?.blur();
  try {
    draw(await ask(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }));
    setTimeout(() => $("told").querySelector(".ok")?.remove(), 8000);
  } catch {
    say("updated", "没有连上，请再按一次");
    drawn = null;
  }
  scrollTo({ top: 0 });
});

function tick(age) {
  const gone = age > 15;
  document.body.classList.toggle("stale", gone);
  if (drawn) say("updated", `${gone ? "连接中断，下面是旧的 · " : ""}更新于 ${clock(drawn)}`);
  // That the centre has got an event is no event.
  if (Number($("outbox").dataset.waiting) && age > 2) take();
}

live({ refresh, onTick: tick });
