// The evaluator pad: shows an open invitation, takes one touch, and thanks with the same words whatever was touched.

import { get, post } from "./api.js";
import { $, say, show } from "./dom.js";
import { live } from "./live.js";

const no = document.body.dataset.window;
const SHOWN = 3000;
const STRAY = 400;
const THANKS = "谢谢您，欢迎您监督和帮助";
const DECLINED = "好的，谢谢您";
const CLOSED = "本次评价已结束";

let open = null;
let view = "idle";
let entered = 0;
let sending = false;
let timer = 0;

function enter(name) {
  clearTimeout(timer);
  if (view === name) return;
  view = name;
  entered = performance.now();
  for (const each of ["idle", "invite", "said"]) show(each, each === name);
}

function tell(words) {
  open = null;
  say("words", words);
  enter("said");
  timer = setTimeout(() => enter("idle"), SHOWN);
}

/** Rates, or takes the visitor's no; either is thanked for. */
async function answer(move, body, words) {
  if (!open || sending || performance.now() - entered < STRAY) return;
  sending = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    await post(`/evaluations/${open.id}${move}`, body);
    tell(words);
  } catch (problem) {
    if (problem.status === 0) say("hint", "还没有收到，请再点一次");
    else tell(CLOSED);
  } finally {
    sending = false;
    document.body.removeAttribute("aria-busy");
  }
}

function invite(evaluation) {
  if (open?.id === evaluation.id) return;
  open = evaluation;
  say("about", `${evaluation.number} · ${evaluation.service}`);
  say("hint", "");
  enter("invite");
}

async function refresh() {
  const evaluation = await get(`/windows/${no}/evaluation`);
  if (sending) return;
  if (evaluation?.state === "invited") invite(evaluation);
  else if (open) tell(CLOSED);
}

/** Another device of this window may have taken the rating: the visitor is thanked here all the same. */
function hear(event, fresh) {
  if (event.type === "evaluation.rated" && fresh && mine(event) && open && !sending) tell(THANKS);
}

const mine = (event) => String(event.data?.window) === no;

for (const button of $("levels").children) {
  button.addEventListener("click", () => answer("", { level: Number(button.dataset.level) }, THANKS));
}
$("decline").addEventListener("click", () => answer("/decline", {}, DECLINED));
addEventListener("contextmenu", (event) => event.preventDefault());
live({ refresh, onEvent: hear, wants: (event) => event.type.startsWith("evaluation.") && mine(event) });
