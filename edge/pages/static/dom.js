// Small tools for the pages. Data reaches the page as text only, never as markup.

export const $ = (id) => document.getElementById(id);

/** An element with attributes and children (text or nodes). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const each of Object.entries(attributes)) node.setAttribute(...each);
  node.append(...children);
  return node;
}

/** A new one of what the template `id` holds. */
export const copy = (id) => $(id).content.firstElementChild.cloneNode(true);

export function say(id, words) {
  const node = typeof id === "string" ? $(id) : id;
  const value = words ?? "";
  if (node.textContent !== value) node.textContent = value;
}

export function show(id, shown) {
  $(id).hidden = !shown;
}

/** Draws `items` into `parent`, keeping the nodes of known keys: a node under a finger is not swapped. */
export function list(parent, items, keyOf, make, update = () => {}) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const wanted = items.map((item) => {
    const key = String(keyOf(item));
    const node = known.get(key) ?? make(item);
    node.dataset.key = key;
    update(node, item);
    return node;
  });
  const kept = new Set(wanted);
  for (const node of [...parent.children]) if (!kept.has(node)) node.remove();
  // Only what is out of place moves: a node taken out and put back would lose its focus and pulse again.
  wanted.forEach((node, at) => parent.children[at] !== node && parent.insertBefore(node, parent.children[at] ?? null));
}

/** What the server draws at `path`, not yet in the page; null without an answer. A press is sent twice: the answer may be lost. */
export async function drawn(path, body, again = body) {
  try {
    const answer = await fetch(path, { method: body ? "POST" : "GET", body, signal: AbortSignal.timeout(5000), cache: "no-store" });
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
  } catch {
    return again ? drawn(path, body, null) : null;
  }
}

/** A finger that slips makes no click: lifted over the button it came down on, it presses. */
addEventListener("touchend", (event) => {
  const button = event.target.closest(".kiosk button, .pad :is(button, label)");
  if (!button) return;
  if (event.cancelable) event.preventDefault();
  const { clientX, clientY } = event.changedTouches[0];
  if (button.contains(document.elementFromPoint(clientX, clientY))) button.click();
});

let last = {};

/** A press: acts on release; the same button twice within `twice` ms, and none between, counts once. */
export function onTap(button, action, twice = 700) {
  button.addEventListener("click", (event) => {
    if (last.button === button && event.timeStamp - last.at < twice) return;
    last = { button, at: event.timeStamp };
    action(event);
  });
}

const hours = new Intl.DateTimeFormat("sv", { timeZone: document.body.dataset.timezone, timeStyle: "short" });

/** hh:mm in the hall's own time, from ms or an RFC 3339 text. */
export const clock = (time) => hours.format(new Date(time));

/** "一楼 1、3 号窗口", one piece per floor. */
export function places(windows, word = "号窗口") {
  const floors = {};
  for (const { floor = "", no } of windows) (floors[floor] ??= []).push(no);
  return Object.entries(floors).map(([floor, nos]) => `${floor} ${nos.join("、")} ${word}`.trim()).join("，");
}

/** A state as shape and word, so that colour is never the only sign; drawn only when it changes. */
export function stateWord(node, name, word) {
  if (node.dataset.state === name && node.textContent === word) return;
  node.dataset.state = name;
  node.replaceChildren($("shapes").content.querySelector(`.${name}`).cloneNode(true), word);
}
