// The evaluator pad: one touch rates, then why may be said; each level has the same way and thanks.

import { Problem, post } from "./api.js";
import { $, drawn, show } from "./dom.js";
import { live } from "./live.js";

const no = document.body.dataset.window;
const SHOWN = 3000;
const STRAY = 400;
const QUIET = 15_000;
const SPARE = 3000; // before its end
let appeared = 0;
let touched = 0;
let until = 0;
let sending = false;
let timer = 0;

const asked = () => $("now").dataset.evaluation;
const chosen = () => asked() && document.querySelector("[name=level]:checked");

function speak(said) {
  show("said", said);
  show("now", !said);
}

function tell(key) {
  [$("words").textContent, $("words").dataset.en] = $("words").dataset[key].split("|");
  $("now").dataset.evaluation = "";
  speak(true);
  setTimeout(speak, SHOWN, false);
}

async function answer(move, body, key) {
  if (sending) return;
  sending = true;
  const problem = await post(`/evaluations/${asked()}${move}`, body).catch((each) => each);
  sending = false;
  const lost = problem?.status === 0;
  show("lost", lost);
  if (lost) wait();
  else tell(problem instanceof Problem ? "closed" : key);
}

function rate() {
  if (!chosen()) return;
  const said = new FormData($("invite"));
  const reasons = said.getAll("reasons");
  answer("", { level: Number(said.get("level")), reasons, comment: said.get("comment") }, "thanks");
}

/** Who walks off has rated: what was chosen is sent after some quiet, before its time is over. */
function wait() {
  clearTimeout(timer);
  timer = setTimeout(rate, Math.max(SPARE, Math.min(touched + QUIET, until - SPARE) - performance.now()));
}

async function refresh() {
  const fresh = await drawn(`/pad/${no}/now`);
  if (!fresh) throw new Problem(0, "");
  const { evaluation } = fresh.dataset;
  if (sending || (chosen() && !evaluation)) return;
  until = performance.now() + Number(fresh.dataset.left);
  if (evaluation && evaluation === asked()) return wait();
  if (fresh.isEqualNode($("now"))) return;
  appeared = performance.now();
  $("now").replaceWith(fresh);
  speak(!evaluation && !$("said").hidden);
}

const mine = (event) => String(event.data?.window) === no;

function hear(event, fresh) {
  if (event.type === "evaluation.rated" && fresh && mine(event) && asked() && !sending) tell("thanks");
}

addEventListener("click", (event) => {
  if (performance.now() - appeared < STRAY) event.preventDefault();
  else if (event.target.id === "decline") answer("/decline", {}, "declined");
});
addEventListener("submit", (event) => {
  event.preventDefault();
  rate();
});
addEventListener("input", () => {
  touched = appeared = performance.now();
  wait();
});
live({ refresh, onEvent: hear, wants: (event) => /^(evaluation|window)\.|started$/.test(event.type) && mine(event) });
