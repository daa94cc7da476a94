// The ticket's own page, on the visitor's phone: drawn by the service, here kept fresh, and the rating sent.

import { Problem, now, post } from "./api.js";
import { $, clock, drawn, say, show } from "./dom.js";
import { live } from "./live.js";

const id = document.body.dataset.ticket;
/** Stands on the slip alone: who holds it may rate. */
const key = new URLSearchParams(location.search).get("k");
const { thanks, over, again } = $("said").dataset;
const { fresh, lost } = $("updated").dataset;
let sending = false;

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
    await post(`/tickets/${encodeURIComponent(id)}/evaluation`, { level, key });
    invite(false, thanks);
  } catch (problem) {
    if (problem.status) invite(false, over);
    else say("said", again);
  }
  sending = false;
}

/** Only the words are taken: what is under a finger stays, and a line that changes is read aloud. */
async function refresh() {
  const told = await drawn(`${location.pathname}/now${location.search}`);
  if (!told) throw new Problem(0, lost);
  for (const line of told.children) say(line.id, line.textContent);
  Object.assign($("now").dataset, told.dataset);
  say("updated", `${fresh} ${clock(now())}`);
  if (!sending) invite(told.dataset.rates === "yes", over);
}

function tick(age) {
  document.body.classList.toggle("stale", age > 15);
  if (age > 15) say("updated", lost);
}

/** Its own moves, and those of its queue; a hall has many phones, and each asks again by itself every 10 s. */
const wants = ({ data }) => data?.ticket === id || (data?.service && data.service === $("now").dataset.service);

for (const each of $("levels").children) each.onclick = () => rate(Number(each.dataset.level));
live({ refresh, onTick: tick, wants });
