// The ticket's own page, on the visitor's phone.

import { get, now, post } from "./api.js";
import { $, clock, places, range, say, show } from "./dom.js";
import { live } from "./live.js";

const id = document.body.dataset.ticket;
const path = `/tickets/${encodeURIComponent(id)}`;
/** Stands on the slip alone: who holds it may rate. */
const key = new URLSearchParams(location.search).get("k");
let service = null;
let sending = false;
const WORDS = {
  waiting: "等候中",
  serving: "正在办理",
  held: "已暂时保留，请留意叫号",
  missed: "已过号，请到导办台",
  finished: "已办完",
  cancelled: "已取消",
};

function draw(ticket) {
  const waits = ticket.state === "waiting";
  const called = ticket.state === "called";
  const there = ticket.windows.find((each) => each.no === ticket.window) ?? { no: ticket.window };
  document.body.dataset.state = ticket.state;
  service = ticket.service.id;
  say("service", ticket.service.name);
  say("number", ticket.number);
  say("state", called ? `请到 ${places([there])}` : WORDS[ticket.state]);
  say("ahead", waits ? `前面 ${ticket.ahead} 人` : "");
  say("estimate", !waits || !ticket.estimate ? "" : ticket.estimate.minutes ? `大约等 ${range(ticket.estimate)} 分钟` : "马上就到");
  say("windows", waits ? `办理窗口：${places(ticket.windows)}` : "");
  say("updated", `更新于 ${clock(now())}`);
}

// ---- the rating of the service

/** Shows the levels, or takes them away and says why. */
function invite(open, words) {
  if ($("rate").hidden !== open) return;
  show("rate", open);
  say("said", open ? "" : words);
}

async function rate(level) {
  if (sending) return;
  sending = true;
  try {
    await post(`${path}/evaluation`, { level, key });
    invite(false, "谢谢您，欢迎您监督和帮助");
  } catch (problem) {
    if (problem.status) invite(false, problem.title);
    else say("said", problem.title);
  }
  sending = false;
}

async function refresh() {
  try {
    const ticket = await get(path);
    draw(ticket);
    if (key && !sending) invite(ticket.evaluation?.state === "invited", "本次评价已结束");
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    say("number", "—");
    say("state", "没有这个号，请看小票或找导办台");
  }
}

function tick(age) {
  document.body.classList.toggle("stale", age > 15);
  if (age > 15) say("updated", "没有连上，正在重连，请留意大厅叫号");
}

/** Its own moves, and those of its queue; a hall has many phones, and each asks again by itself every 10 s. */
const wants = (event) => event.data?.ticket === id || (service !== null && event.data?.service === service);

for (const each of $("levels").children) each.addEventListener("click", () => rate(Number(each.dataset.level)));
live({ refresh, onTick: tick, wants });
