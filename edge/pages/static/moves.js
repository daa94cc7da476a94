// A press of the console: what its button asks of the edge, as the template says, and what the clerk is told.

import { get, now, post } from "./api.js";
import { $, el, onTap, say, show } from "./dom.js";

const WORDS = JSON.parse($("words").textContent);
const ENGLISH = Number(document.body.lang === "en");
export const here = `/windows/${document.body.dataset.window}`;
const PATIENCE = [600, 1500, ...Array(20).fill(3000)]; // an unanswered press is repeated for a minute or more
const PRESSED = 600;
const READ = 8000;
const DAY = 86_400_000;

/** What is known: the window; `away` while the edge is silent; who was called here last, and why. `refresh` asks. */
export const at = { desk: null, away: false, called: {}, refresh: null };

const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
export const t = (key, values = {}) => fill(WORDS[key][ENGLISH], values);

let armed = null;
let meant = null; // the ticket that was in hand when the open dialog was opened
let noticeTimer = 0;
let undoTimer = 0;
let held = null; // what letting go of a key too early does

/** A message stands in the place of the ticket's facts, so that no button moves under the hand. */
export function notice(words, stays = 0) {
  for (const node of document.querySelectorAll("#notice, dialog[open] .said")) say(node, words);
  show("about", !words);
  if (!words) show("undo", false);
  clearTimeout(noticeTimer);
  if (words && stays) noticeTimer = setTimeout(() => notice(""), stays);
}

const label = (node) => (node.querySelector("span") ?? node).textContent;

export function press(node) {
  const { dialog, pick, twice, within = READ } = node.dataset;
  if (at.busy) return notice(t("busy"));
  if (node.disabled) return notice($(`${node.id}-why`).textContent, READ);
  if (twice && armed !== node) {
    armed = node;
    setTimeout(() => armed === node && (armed = null), within);
    return notice(twice, within);
  }
  armed = null;
  if (pick) return choose(node);
  if (dialog) return open(dialog);
  const lacking = node.formNoValidate ? null : node.form?.querySelector(":is(input, select):invalid");
  lacking?.focus();
  return lacking ? notice(lacking.title) : carry(node, fields(node));
}

/** The only one is called back at once if it was held here. */
function choose(node) {
  const { pick, path, done } = node.dataset;
  const ones = drawnNow(`${pick}-ones`);
  if (pick === "held" && ones.length === 1 && !ones[0].title) return carry(node, { ...fields(node), id: ones[0].value });
  $("picked").replaceChildren(...ones);
  say("pick-title", label(node));
  Object.assign($("pick-send").dataset, { path, done });
  return open("pick");
}

const drawnNow = (id) => [...$(id).cloneNode(true).children];

function open(id) {
  const dialog = $(id);
  document.querySelector("dialog[open]")?.close();
  notice("");
  meant = at.desk?.ticket;
  dialog.querySelector("form").reset();
  for (const select of dialog.querySelectorAll("select:not([name=goes])")) select.selectedIndex = 0;
  dialog.querySelector(".materials")?.replaceChildren(...drawnNow("materials"));
  const day = dialog.querySelector('[name="appointment.day"]');
  const timeZone = document.body.dataset.timezone;
  if (day) day.value = day.min = new Date(now() + DAY).toLocaleDateString("sv", { timeZone });
  dialog.showModal();
}

/** What the button and its form say; `a.b` is b of a, and `goes` says itself what it is. */
export function fields(node) {
  const body = {};
  const said = [...(node.form ? new FormData(node.form) : []), [node.name, node.value]];
  for (let [name, value] of said) {
    value = value.trim().replace(/^(\d+)：(\d+)$/, "$1:$2");
    if (!name || !value) continue;
    if (name === "goes") [name, value] = value.split("=");
    const [outer, inner] = name.split(".");
    if (inner) (body[outer] ??= {})[inner] = value;
    else body[name] = name === "missing" ? [...(body.missing ?? []), value] : value;
  }
  return body;
}

async function carry(node, body) {
  const dialog = node.closest("dialog");
  const ticket = dialog ? meant : at.desk.ticket;
  if ("ticket" in node.dataset) body.ticket = ticket.id;
  const answer = await send(node, body);
  if (answer === undefined) return;
  dialog?.close();
  tell(node, answer, ticket);
  if (!node.formNoValidate) node.form?.reset();
}

/** The answer (null for 204), or undefined when it failed and the clerk was told. */
async function send(node, { id, number, ...body }) {
  const path = fill(node.dataset.path, { id });
  const move = label(node);
  at.busy = true;
  node.classList.add("busy");
  notice("");
  const steps = [1000, 3000, 8000].map((after, step) =>
    setTimeout(() => notice(t(["sending", "slow", "unsent"][step], { move })), after),
  );
  try {
    if (number) body.ticket = (await get(`${here}/next?number=${encodeURIComponent(number)}`)).found.id;
    const answer = await post(path.startsWith("/") ? path : `${here}/${path}`, body, PATIENCE);
    notice("");
    return answer;
  } catch (problem) {
    notice(problem.status ? problem.title : t("lost", { move }));
    return undefined;
  } finally {
    steps.forEach(clearTimeout);
    // What is said next must be true of what is shown.
    await at.refresh().catch(() => {});
    at.busy = false;
    node.classList.remove("busy");
  }
}

/** What was done; it stays where the clerk must act on it. */
function tell(node, answer, before) {
  const { done = "", undo } = node.dataset;
  const ticket = answer?.ticket ?? { ...before, ...answer };
  if (answer?.why) at.called = { id: ticket.id, why: answer.why };
  if (answer?.appointment || answer?.notice) return result(node.form, answer);
  if (!answer) return notice(t("none"), READ);
  if (answer.outcome && ticket.state === "waiting") {
    return notice(t("onward", { number: ticket.number, next: ticket.service.name }), READ);
  }
  const goes = node.form?.elements.goes?.selectedOptions[0].textContent;
  notice(fill(done, { ...ticket, goes }), READ);
  return undo === undefined ? null : offerUndo(ticket);
}

function result(form, { ticket, notice: paper, appointment }) {
  const { printer } = $("result").dataset;
  const { number, service } = ticket;
  if (paper?.print === "wanted") return notice(t("printed", { number, printer, code: paper.code }));
  const code = appointment?.code ?? paper.code;
  const lines = appointment ? [`${appointment.day} ${appointment.time}`] : [...form.querySelectorAll("label")].map(written);
  say("result-title", `${number} ${service.name}`);
  say("result-code", appointment?.number ?? code);
  $("result-picture").src = `${location.pathname}/code.svg?text=${code}`;
  $("result-lines").replaceChildren(...lines.filter(Boolean).map((line) => el("li", {}, line)));
  say("result-how", t(appointment ? "photograph" : "copyIt"));
  return $("result").showModal();
}

function written({ control, lastElementChild, textContent }) {
  if (control.type === "checkbox") return control.checked && lastElementChild.textContent;
  return control.value && `${textContent.trim()}：${control.value}`;
}

function offerUndo(ticket) {
  const button = $("undo");
  button.dataset.path = `/tickets/${ticket.id}/return`;
  button.dataset.done = fill(button.dataset.words, ticket);
  show("undo", true);
  clearTimeout(undoTimer);
  undoTimer = setTimeout(() => show("undo", false), READ);
}

// ---- keys

/** The button that a key presses: of the open dialog, else one hand on the number pad. */
function keyed({ key, target }, dialog) {
  const gone = target.closest("dialog:not([open])"); // it keeps the focus for a moment
  const inside = (places) => !gone && target.closest(places);
  if (inside("input:not([type=checkbox])") && !(dialog && key === "Enter")) return null;
  if (dialog) {
    const chooses = key === "Enter" && inside("select, input");
    return dialog.querySelector(chooses ? ".main" : `[data-digit="${CSS.escape(key)}"]`);
  }
  if (inside("select") || !$("shortcuts").checked || (key === "Enter" && inside("button, a"))) return null;
  const is = (node) => node.dataset.key.toLowerCase() === key.toLowerCase() && !node.parentNode.hidden;
  return [...document.querySelectorAll("button[data-key]")].find(is);
}

function keydown(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const dialog = document.querySelector("dialog[open]");
  const node = keyed(event, dialog);
  // Enter held down would press the button that gets the focus back.
  if (node || (event.repeat && event.key === "Enter")) event.preventDefault();
  if (!node || event.repeat) return;
  if ("long" in node.dataset) hold(node);
  else if ("needs" in node.dataset && !dialog) press(node);
  else node.click();
}

function hold(node) {
  const done = () => {
    clearTimeout(timer);
    held = null;
    node.classList.remove("busy");
  };
  const timer = setTimeout(() => (done(), press(node)), PRESSED);
  held = () => (done(), notice($(`${node.id}-why`).dataset.key, READ));
  node.classList.add("busy");
}

export function listen() {
  onkeydown = keydown;
  onkeyup = onblur = () => held?.();
  addEventListener("submit", (event) => event.target.method === "dialog" || event.preventDefault());
  for (const node of document.querySelectorAll("[data-path], [data-dialog], [data-pick]")) {
    // Without the blur, Enter on the number pad would press the last clicked button again.
    onTap(node, (event) => (event.detail && node.blur(), press(node)), node.closest("dialog") ? 300 : 700);
  }
  for (const node of document.querySelectorAll("[data-close]")) node.onclick = () => node.closest("dialog").close();
  $("more").onclick = () => $("more").setAttribute("aria-expanded", document.body.classList.toggle("all"));
  $("shortcuts").checked = localStorage.getItem("shortcuts") !== "off";
  $("shortcuts").onchange = (event) => localStorage.setItem("shortcuts", event.target.checked ? "on" : "off");
}
