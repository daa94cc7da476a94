// The ops page: what is wrong comes first, each with what to do next; then the devices, the way to the centre, the queue.

import { get, now, post } from "./api.js";
import { $, ago, clock, copy, el, list, onTap, range, say, show, stateWord } from "./dom.js";
import { live, take } from "./live.js";

const WORDS = { bad: "停止服务", warn: "注意", ok: "正常", none: "没有消息" };
const CENTRAL = { ok: ["ok", "正常"], away: ["warn", "联系不上"], refused: ["bad", "对方拒收"], off: ["none", "没有配置"] };
const LINES = 7;
let devices = [];
let outbox = null;
let checked = null;

// ---- problems

function updateProblem(node, problem) {
  const [state, name, why, since, advice] = node.children;
  node.dataset.device = problem.id;
  node.dataset.severity = problem.severity;
  stateWord(state, problem.severity, WORDS[problem.severity]);
  say(name, problem.name);
  say(why, problem.why);
  say(since, problem.since ? ago(problem.since, now()) : "");
  say(advice, problem.advice ?? "");
}

function drawProblems(all) {
  const rest = all.slice(LINES);
  const make = () => copy("problem");
  list($("problems"), all.slice(0, LINES), (each) => each.id, make, updateProblem);
  list($("rest"), rest, (each) => each.id, make, updateProblem);
  show("more", rest.length > 0);
  say($("more").firstChild, `还有 ${rest.length} 条`);
  say("problem-count", all.length ? String(all.length) : "");
  drawAllWell(all.length === 0);
}

/** No problem is said with what was checked; a device that was never heard is not called well. */
function drawAllWell(well) {
  show("all-well", well);
  if (!well || checked === null) return;
  const unheard = devices.filter((device) => device.severity === "none").length;
  const seconds = Math.max(0, Math.round((now() - checked) / 1000));
  const words = unheard ? `没有发现问题，但有 ${unheard} 台设备还没有消息` : "全部正常";
  stateWord($("all-well"), unheard ? "none" : "ok", `${words} · ${devices.length} 台设备 · 最近一次检查 ${seconds} 秒前`);
}

// ---- devices, central, queue

function updateDevice(node, device) {
  const [name, state, why, about] = node.children;
  const severity = device.severity in WORDS ? device.severity : "none";
  const windows = device.windows?.length ? `${device.windows.join("、")} 号窗口` : "";
  node.dataset.device = device.id;
  node.dataset.severity = severity;
  say(name, device.name);
  stateWord(state, severity, WORDS[severity]);
  say(why, [device.why, device.since && ago(device.since, now())].filter(Boolean).join(" · "));
  const link = device.bound_by_hand ? `${device.link}（手动绑定）` : device.link;
  say(about, [windows, device.driver, link].filter(Boolean).join(" · "));
}

// Printers that the network told of and no device has: a person says which device each is.
function makeFound(found) {
  const printers = devices.filter((device) => device.driver === "escpos");
  const node = copy("found-one");
  const [name, , choice, button, problem] = node.children;
  say(name, found.name);
  choice.setAttribute("aria-label", `${found.name} 是哪台设备`);
  choice.append(...printers.map((device) => el("option", { value: device.id }, device.name)));
  button.disabled = !printers.length;
  onTap(button, async () => {
    button.disabled = true;
    try {
      await post(`/devices/${choice.value}/link`, { link: found.link });
      take();
    } catch (error) {
      say(problem, error.title ?? "没有绑定成功，请再试一次");
    }
    button.disabled = false;
  });
  return node;
}

function updateFound(node, found) {
  const { ty, note } = found.properties;
  say(node.children[1], [ty, note, `${found.address}:${found.port}`].filter(Boolean).join(" · "));
}

function drawOutbox() {
  const [severity, word] = CENTRAL[outbox.state] ?? ["none", "没有消息"];
  stateWord($("central"), severity, `中心：${word}`);
  say("outbox-waiting", `${outbox.waiting} 条`);
  say("outbox-since", outbox.since ? `${clock(outbox.since)}（${ago(outbox.since, now())}前）` : "—");
  say("outbox-delivered", `${outbox.delivered} 条`);
  say("outbox-parked", `${outbox.parked.length} 条`);
  say("outbox-error", outbox.why || outbox.last_error);
}

const row = (cells) => () => el("tr", {}, ...Array.from({ length: cells }, () => el("td")));
const cells = (node, words) => words.forEach((word, at) => say(node.children[at], word));

function windowWord(window) {
  if (window.ticket) return window.ticket.state === "called" ? ["called", "呼叫中"] : ["serving", "办理中"];
  if (window.state === "paused") return ["paused", "暂停"];
  return ["idle", window.armed ? "空闲，等下一位" : "空闲"];
}

function drawQueue(windows, units) {
  list($("windows"), windows, (each) => each.no, row(4), (node, each) => {
    node.dataset.window = each.no;
    cells(node, [`${each.no} 号 ${each.name}`]);
    stateWord(node.children[1], ...windowWord(each));
    say(node.children[2], each.ticket ? `${each.ticket.number} ${each.ticket.service}` : "—");
    say(node.children[3], `${each.waiting} 人`);
  });
  list($("services"), units.flatMap((unit) => unit.services), (each) => each.id, row(4), (node, each) => {
    node.dataset.service = each.id;
    const wait = each.estimate?.minutes ? `${range(each.estimate)} 分钟` : "—";
    cells(node, [`${each.prefix} ${each.name}`, `${each.waiting} 人`, wait, each.windows.join("、")]);
  });
}

async function refresh() {
  const paths = ["/services", "/windows", "/devices", "/outbox", "/discovery", "/problems"];
  const [services, windows, ledger, relay, network, { problems }] = await Promise.all(paths.map((path) => get(path)));
  devices = ledger.devices;
  outbox = relay;
  checked = now();
  drawProblems(problems);
  list($("devices"), devices, (each) => each.id, () => copy("device"), updateDevice);
  show("found-part", network.unbound.length > 0);
  list($("found"), network.unbound, (each) => each.link, makeFound, updateFound);
  drawOutbox();
  drawQueue(windows.windows, services.units);
  return Math.min(services.seq, windows.seq);
}

function tick(age) {
  const gone = age > 15;
  document.body.classList.toggle("stale", gone);
  const when = checked === null ? "" : `更新于 ${clock(checked)}`;
  say("updated", gone ? `连接中断，下面是旧的 · ${when}` : when || "正在检查…");
  // That the centre has got an event is no event.
  if (outbox?.waiting && outbox.state !== "off" && age > 2) take();
  if (checked !== null) drawAllWell($("problems").childElementCount === 0);
}

live({ refresh, onTick: tick });
