// Who serves at this window, and what its sign would tell on a pause.

import { $, drawn, say, show } from "./dom.js";
import { fields, t } from "./moves.js";

let shownFor;
let nth = 0;

export function drawDuty({ staff, waiting, hand_over: { asked } }) {
  show("sign-out", staff !== null);
  for (const id of ["sign-in-part", "sign-in"]) show(id, staff === null);
  $("sign-out").dataset.twice = waiting ? t("leave", { waiting }) : "";
  $("hand-over").dataset.dialog = asked ? "hand-answer" : "hand-ask";
  if (staff !== shownFor) preview();
  shownFor = staff;
}

/** As the edge would write it. */
async function preview() {
  const mine = ++nth;
  for (const node of document.querySelectorAll("[data-sign]")) {
    node.hidden = node.dataset.sign !== $("pause-sign").value;
    node.lastElementChild.disabled = node.hidden;
  }
  const fresh = await drawn(`${location.pathname}/sign?${new URLSearchParams(fields($("pause")))}`);
  if (fresh && mine === nth) say("sign-paused", fresh.textContent);
}

export function duty() {
  $("pause-form").oninput = preview;
  $("pause-form").onreset = () => setTimeout(preview);
}
