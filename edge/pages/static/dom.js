// Small tools for the pages. Data reaches the page as text only, never as markup.

export const $ = (id) => document.getElementById(id);

/** An element with attributes (a function is a listener) and children (text or nodes; null is left out). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

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

/** A press: acts on release; the same button twice within 700 ms counts once. */
export function onTap(button, action) {
  let last = -Infinity;
  button.addEventListener("click", (event) => {
    if (event.timeStamp - last < 700) return;
    last = event.timeStamp;
    action(event);
  });
}

const hours = new Intl.DateTimeFormat("zh-CN", {
  timeZone: document.body.dataset.timezone,
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

/** hh:mm in the hall's own time, from ms or an RFC 3339 text. */
export const clock = (time) => hours.format(new Date(time));

/** How long ago, in words. */
export function ago(from, now) {
  const minutes = Math.max(0, Math.floor((now - Date.parse(from)) / 60_000));
  if (minutes < 1) return "不到 1 分钟";
  if (minutes < 60) return `${minutes} 分钟`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} 小时` : `${Math.floor(minutes / 1440)} 天`;
}

/** "5～15", or "5" when both ends are the same. */
export const range = (estimate) =>
  estimate.low === estimate.high ? `${estimate.low}` : `${estimate.low}～${estimate.high}`;

/** "一楼 1、3 号窗口", one piece per floor. */
export function places(windows, word = "号窗口") {
  const floors = new Map();
  for (const each of windows) floors.set(each.floor ?? "", [...(floors.get(each.floor ?? "") ?? []), each.no]);
  return [...floors].map(([floor, nos]) => `${floor} ${nos.join("、")} ${word}`.trim()).join("，");
}

const SHAPES = {
  idle: { ring: true },
  called: { ring: true, path: "M12 12V3A9 9 0 0 1 21 12Z" },
  serving: { path: "M12 3a9 9 0 1 0 .01 0Z" },
  invited: { path: "M12 3l2.7 5.9 6.3.7-4.7 4.3 1.3 6.3-5.6-3.2-5.6 3.2 1.3-6.3L3 9.6l6.3-.7z", hollow: true },
  paused: { path: "M6 4h4v16H6ZM14 4h4v16h-4Z" },
  offline: { path: "M5 5L19 19M19 5L5 19", hollow: true },
  ok: { path: "M12 3a9 9 0 1 0 .01 0Z" },
  warn: { path: "M12 3L22 21H2Z" },
  bad: { path: "M3 3H21V21H3Z" },
  none: { path: "M12 2.5L21.5 12L12 21.5L2.5 12Z", hollow: true, dashed: true },
};

/** The shape that goes with a state's word, so that colour is never the only sign. */
export function shape(name) {
  const SVG = "http://www.w3.org/2000/svg";
  const { path, ring, hollow, dashed } = SHAPES[name];
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("viewBox", "0 0 24 24");
  node.setAttribute("aria-hidden", "true");
  node.setAttribute("class", ["shape", hollow ? "hollow" : "", dashed ? "dashed" : ""].join(" ").trim());
  for (const d of [ring ? "M12 3a9 9 0 1 0 .01 0Z" : null, path].filter(Boolean)) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", d);
    if (ring && d !== path) line.setAttribute("class", "ring");
    node.append(line);
  }
  return node;
}

/** A state as shape and word, drawn only when it changes. */
export function stateWord(node, name, word) {
  if (node.dataset.state === name && node.textContent === word) return;
  node.dataset.state = name;
  node.replaceChildren(shape(name), document.createTextNode(word));
}
