// The window console: what the window does now, and which moves are possible.

import { get } from "./api.js";
import { $, clock, drawn, say, show, stateWord } from "./dom.js";
import { drawDuty, duty } from "./duty.js";
import { live } from "./live.js";
import { at, here, listen, notice, t } from "./moves.js";

function stateOf({ desk, away }) {
  if (away || !desk) return "offline";
  if (desk.ticket) return desk.ticket.state;
  if (desk.state === "paused") return "paused";
  return desk.last_evaluation === "invited" ? "invited" : "idle";
}

const closed = () => at.desk?.paused?.sign === "closed";

/** Why what a move needs is not so now; "" means that it is. */
function reasons({ desk, away }) {
  const any = !desk ? t("connecting") : away ? t("broken") : "";
  const ticket = desk?.ticket;
  const hand = any || (ticket ? "" : t("nobody"));
  const free = any || (ticket ? t("inHand") : desk.state === "paused" ? t(closed() ? "closedNow" : "pausedNow") : "");
  return {
    "": any,
    hand,
    called: hand || (ticket.state === "serving" ? t("begun") : ""),
    free,
    held: free || (desk.held.length ? "" : t("noneHeld")),
    missed: any || ($("missed-ones").length ? "" : t("noneMissed")),
    staff: any || (desk.staff ? "" : t("signInFirst")),
    done: any || (ticket ? t("caseOpen", ticket) : ""),
  };
}

// ---- drawing

function drawTicket({ desk, called }) {
  const ticket = desk?.ticket;
  say("number", ticket?.number ?? "—");
  $("number").classList.toggle("none", !ticket);
  const time = ticket && clock(ticket.started_at ?? ticket.called_at);
  const facts = ticket && t(ticket.started_at ? "begunAt" : "calledAt", { ...ticket, time });
  say("about", ticket ? facts + (ticket.recalls ? t("recalls", ticket) : "") : desk && t("waitingNow", desk));
  say("why", ticket && ticket.id === called.id ? t("why", { words: called.why }) : "");
}

function drawKeys() {
  const all = reasons(at);
  const now = closed() ? "closed" : (at.desk?.state ?? "open");
  for (const node of document.querySelectorAll("[data-needs]")) {
    const { needs, shown = now } = node.dataset;
    node.disabled = Boolean(all[needs]);
    node.parentNode.hidden = !shown.includes(now);
    say(`${node.id}-why`, all[needs]);
  }
}

function draw() {
  const name = stateOf(at);
  stateWord($("state"), name, t(name === "paused" && closed() ? "closed" : name));
  show("away", at.away);
  drawTicket(at);
  drawKeys();
  if (at.desk) drawDuty(at.desk);
}

let asked = 0;
let newest = 0;

async function refresh() {
  const mine = ++asked;
  const [desk, now] = await Promise.all([get(here), drawn(`${location.pathname}/now${location.search}`)]);
  if (mine < newest) return desk.seq;
  newest = mine;
  if (!at.busy && desk.ticket?.id !== at.desk?.ticket?.id) notice("");
  for (const { id, childNodes, textContent } of now?.children ?? []) {
    if ($(id).textContent !== textContent) $(id).replaceChildren(...childNodes);
  }
  Object.assign(at, { desk, away: false });
  draw();
  return desk.seq;
}

function tick(age, broken) {
  const away = age > (broken ? 5 : 15);
  if (away === at.away) return;
  at.away = away;
  draw();
}

at.refresh = refresh;
listen();
duty();
draw();
live({ refresh, onTick: tick });
