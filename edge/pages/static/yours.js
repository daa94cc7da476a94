// The card on the kiosk's reader: whose it is, and what they have here today.

import { get, now } from "./api.js";
import { ring } from "./chime.js";
import { $, copy, list, say, show } from "./dom.js";
import { here, printAgain, redeem } from "./number.js";
import { enter, named, notice, press, services, t, visit } from "./visit.js";

const WAIT = 20;
const ROWS = 3;
let page = 0;

/** Hears of every card that is laid on from now on; one that lay there before is not of whoever comes next. */
export async function readCards(hear) {
  for (let after = null; ; ) {
    const query = after === null ? "wait=0" : `wait=${WAIT}&after=${after}`;
    try {
      const reading = await get(`/kiosks/${here.kiosk}/card?${query}`, (WAIT + 10) * 1000);
      if (reading && after !== null) await hear(reading);
      after = reading?.after ?? after ?? "";
    } catch (problem) {
      if (problem.status === 404) return;
      await new Promise((wake) => setTimeout(wake, 3000));
    }
  }
}

/** Who laid on a card is greeted with what they have; of one that was not read it is said why. */
export function greet(reading) {
  ring();
  if (reading.problem) return notice(t(reading.problem.reason));
  visit.reading = reading;
  page = 0;
  setTimeout(() => visit.reading === reading && part(), Date.parse(reading.expires_at) - now());
  enter(things().length ? "yours" : "choose");
  drawYours();
}

/** The edge knows this card no longer: what is asked in its name would be refused. */
function part() {
  visit.reading = null;
  if (visit.back === "yours") visit.back = "choose";
  if (visit.view === "yours") enter("choose");
  drawYours();
  if (visit.view !== "result") notice(t("cardGone"));
}

/** Numbers first. */
function things() {
  const { card, tickets, appointments } = visit.reading ?? { tickets: [], appointments: [] };
  return [
    ...tickets.map((each) => ({ ...each, has: "yourNumber", does: "reprint", act: () => printAgain(each.id) })),
    ...appointments.map((each) => ({ ...each, has: "yourBooking", does: "redeem", act: () => redeem({ card, id: each.id }) })),
  ];
}

function makeThing({ act }) {
  const node = copy("thing");
  press(node.lastChild, act);
  return node;
}

function updateThing(node, thing) {
  const [[has, what], button] = [node.firstChild.children, node.lastChild];
  const service = services().find((each) => each.id === thing.service) ?? thing;
  say(has, t(thing.has, thing));
  say(what, [named(service), thing.state_words].filter(Boolean).join(" · "));
  say(button, t(thing.does));
}

export function drawYours() {
  const { reading, claim } = visit;
  const hello = reading ? t("hello", reading) : "";
  const why = reading?.priority_words;
  const declared = claim && document.querySelector(`[data-reason="${claim}"]`).textContent.trim();
  const expired = reading?.expired_card ? t("expired") : "";
  const first = declared ? t("declared", { why: declared }) : why ? t("entitled", { why }) : "";
  for (const node of document.querySelectorAll(".who")) {
    say(node, [hello, first, expired].filter(Boolean).join(" · "));
    node.hidden = !(reading || claim);
  }
  show("end", reading || claim);
  const all = things();
  const shown = all.slice(page * ROWS).slice(0, ROWS);
  list($("own"), shown, (thing) => thing.id, makeThing, updateThing);
  show("more", all.length > ROWS);
  say("more", t("more", { n: all.length - shown.length }));
}

press($("more"), () => {
  page = (page + 1) % Math.ceil(things().length / ROWS);
  drawYours();
});
