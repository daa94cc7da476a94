// The window console: the clerk's moves, each enabled only when it is legal, with the reason beside it when not.

import { get, post } from "./api.js";
import { $, clock, copy, el, list, onTap, say, show, stateWord } from "./dom.js";
import { drawClerk, duty, pauseBody, pauseLacks } from "./duty.js";
import { live, take } from "./live.js";

const no = document.body.dataset.window;
const here = `/windows/${no}`;
const PRESSED = 600;
const UNDO = 8_000;
const STATES = {
  idle: "空闲",
  called: "呼叫中",
  serving: "办理中",
  invited: "等待评价",
  paused: "暂停",
  offline: "离线",
};
const GRADES = { invited: "等待评价", rated: "已评价" };

let desk = null;
let offline = false;
let busy = false;
let why = { ticket: null, words: "" };
let noticeTimer = 0;
let undoTimer = 0;

function stateOf() {
  if (offline || !desk) return "offline";
  if (desk.ticket) return desk.ticket.state;
  if (desk.state === "paused") return "paused";
  return desk.last_evaluation === "invited" ? "invited" : "idle";
}

/** Why each move is not possible now; "" means that it is. */
function reasons() {
  const same = (words) => Object.fromEntries(MOVES.map((move) => [move, words]));
  if (!desk) return same("正在连接");
  if (offline) return same("连接中断");
  const ticket = desk.ticket;
  const any = ticket ? "" : "没有叫号";
  const called = ticket?.state === "serving" ? "已开始办理" : any;
  const free = ticket ? "请先办结" : desk.state === "paused" ? "窗口已暂停" : "";
  return {
    "call-next": free,
    recall: called,
    start: called,
    finish: any,
    miss: called,
    pause: "",
    hold: any,
    back: free || (held().length ? "" : "没有挂起的号"),
    transfer: any,
  };
}

const held = () => desk.held ?? [];
const own = (name) => [`${here}/${name}`, { ticket: desk.ticket.id }];
/** What each move asks of the edge: path, body, and what is said when it is done; null when the clerk thought better. */
const ACTIONS = {
  "call-next": () => [`${here}/call-next`, {}],
  recall: own,
  start: own,
  finish: own,
  miss: own,
  pause: () => (desk.state === "paused" ? [`${here}/resume`, {}] : [`${here}/pause`, pauseBody()]),
  hold: (name) => [...own(name), `${desk.ticket.number} 已挂起`],
  back: callBack,
  transfer: moveOn,
};
const MOVES = Object.keys(ACTIONS);
const KEYS = { Enter: "call-next", "+": "recall", "/": "finish", "*": "pause", 1: "hold", 2: "back", 3: "transfer" };

/** A message stands in the place of the ticket's facts, so that no button moves under the hand. */
function notice(words, stays = 8000) {
  say("notice", words);
  show("about", !words);
  clearTimeout(noticeTimer);
  if (words) noticeTimer = setTimeout(() => notice(""), stays);
}

// ---- moves

async function move(name) {
  const reason = reasons()[name] || (name === "pause" && desk.state === "open" ? pauseLacks() : "");
  if (busy || reason) return notice(reason || "上一步还没完成");
  const ticket = desk.ticket;
  const asked = await ACTIONS[name](name);
  if (!asked) return;
  const [path, body, done] = asked;
  const answer = await send(name, path, body);
  if (answer === undefined) return;
  if (done) notice(done);
  if (name === "call-next") called(answer);
  if (name === "miss") offerUndo(ticket);
}

/** The option that the clerk takes in this dialog, or null. */
function choice(id) {
  const dialog = $(id);
  const select = dialog.querySelector("select");
  select.selectedIndex = 0;
  dialog.returnValue = "";
  dialog.showModal();
  select.onkeydown = (event) => {
    if (!["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault(); // else the same Enter presses the button that gets the focus back
    dialog.close(event.key === "Enter" ? "yes" : "");
  };
  return new Promise((taken) => {
    dialog.onclose = () => taken(dialog.returnValue === "yes" ? select.selectedOptions[0] : null);
  });
}

async function callBack() {
  let id = held()[0].id;
  if (held().length > 1) {
    const options = held().map((each) => el("option", { value: each.id }, `${each.number} ${each.service}`));
    $("held").replaceChildren(...options);
    id = (await choice("call-back"))?.value;
  }
  return id && [`/tickets/${id}/resume`, { window: Number(no) }];
}

async function moveOn() {
  const { id, number } = desk.ticket;
  const option = await choice("move-on");
  if (!option) return null;
  const { service = null, window } = option.dataset;
  const body = { ticket: id, service, window: window ? Number(window) : null };
  return [`${here}/transfer`, body, `${number} 已转到 ${option.textContent}`];
}

function called(answer) {
  if (!answer) return notice("现在没有人等候，有人取号会自动叫号");
  why = { ticket: answer.ticket.id, words: answer.why };
  draw();
}

/** The answer (null for 204), or undefined when it failed and the clerk was told. */
async function send(name, path, body) {
  busy = true;
  hideUndo();
  const button = $(name);
  button?.classList.add("busy");
  notice("");
  const steps = [
    setTimeout(() => notice("正在呼叫…"), 1000),
    setTimeout(() => notice("网络慢，已自动重试"), 3000),
  ];
  try {
    const answer = await post(path, body);
    notice("");
    return answer;
  } catch (problem) {
    notice(problem.title);
    return undefined;
  } finally {
    steps.forEach(clearTimeout);
    busy = false;
    button?.classList.remove("busy");
    await take();
  }
}

function offerUndo(ticket) {
  notice(`${ticket.number} 已过号`, UNDO);
  show("undo", true);
  $("undo").onclick = async () => {
    const answer = await send("undo", `/tickets/${ticket.id}/return`, {});
    if (answer !== undefined) notice(`${ticket.number} 已回到等候`);
  };
  undoTimer = setTimeout(hideUndo, UNDO);
}

function hideUndo() {
  clearTimeout(undoTimer);
  show("undo", false);
}

// ---- drawing

function drawTicket() {
  const ticket = desk?.ticket;
  say("number", ticket?.number ?? "—");
  const since = ticket && (ticket.started_at ?? ticket.called_at);
  const word = ticket?.started_at ? "开始" : "叫号";
  const recalls = ticket?.recalls ? ` · 已重呼 ${ticket.recalls} 次` : "";
  const idle = desk?.armed ? "有人取号会自动叫号" : desk ? `等候 ${desk.waiting} 人` : "";
  $("number").classList.toggle("none", !ticket);
  say("about", ticket ? `${ticket.service} · ${clock(since)} ${word}${recalls}` : idle);
  const known = ticket && why.ticket === ticket.id && why.words;
  say("why", known ? `为什么是这一位？${why.words}` : "");
}

function drawKeys() {
  const all = reasons();
  say($("pause").firstChild, desk?.state === "paused" ? "恢复" : "暂停");
  for (const name of MOVES) {
    $(name).disabled = Boolean(all[name]);
    say(`${name}-why`, all[name]);
  }
}

function updateNext(node, ticket) {
  const [number, service, waited] = node.children;
  say(number, ticket.number);
  say(service, [ticket.service, ticket.priority_words].filter(Boolean).join(" · "));
  say(waited, `已等 ${Math.round(ticket.waited_minutes)} 分钟`);
}

function draw() {
  const name = stateOf();
  stateWord($("state"), name, STATES[name]);
  drawTicket();
  drawKeys();
  if (!desk) return;
  say("waiting", `${desk.waiting} 人`);
  say("finished", String(desk.today.finished));
  say("missed", String(desk.today.missed));
  say("evaluation", desk.last_evaluation ? (GRADES[desk.last_evaluation] ?? "未评价") : "—");
  say("sign", desk.sign);
  drawClerk(desk);
  list($("next"), desk.next, (ticket) => ticket.id, () => copy("one"), updateNext);
  $("next").classList.toggle("empty", !desk.next.length);
}

async function refresh() {
  desk = await get(here);
  offline = false;
  draw();
  return desk.seq;
}

function tick(age, broken) {
  const gone = age > (broken ? 5 : 15);
  if (gone !== offline) {
    offline = gone;
    draw();
  }
  if (offline) notice("连接中断，正在重连，请先口头叫号", 2000);
}

// ---- one hand on the number pad

let holding = 0;

function keydown(event) {
  if (!$("shortcuts").checked || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest("input:not([type=checkbox]), select") || document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && event.target.closest("button")) return;
  const name = KEYS[event.key];
  if (!name && event.key !== "-") return;
  event.preventDefault();
  if (event.repeat) return;
  if (name) move(name);
  else holding = setTimeout(() => move("miss"), PRESSED);
}

addEventListener("keydown", keydown);
addEventListener("keyup", (event) => event.key === "-" && clearTimeout(holding));
addEventListener("blur", () => clearTimeout(holding));
for (const name of MOVES) {
  // Without the blur, Enter on the number pad would press the last clicked button again.
  onTap($(name), (event) => (event.detail && $(name).blur(), move(name)));
}
$("shortcuts").checked = localStorage.getItem("shortcuts") !== "off";
$("shortcuts").onchange = (event) => localStorage.setItem("shortcuts", event.target.checked ? "on" : "off");
duty({ send: (name, path, body) => send(name, `${here}/${path}`, body), notice, waiting: () => desk?.waiting });
draw();
live({ refresh, onTick: tick });
