// Who serves at this window, and what its sign tells while it is paused.

import { $, onTap, say, show } from "./dom.js";

const ASK_AGAIN = 8_000;
const named = (id) => [...$("clerks").options].find((each) => each.value === id)?.textContent ?? "";
let asked = -Infinity;

// ---- the sign of a pause

function drawChoices() {
  for (const node of document.querySelectorAll("[data-sign]")) node.hidden = node.dataset.sign !== $("pause-sign").value;
}

const text = (id) => $(id).value.trim();
const resumes = () => text("pause-resume").replace("：", ":");

/** Why a pause cannot be told yet, and the field that lacks it gets the focus; "" when it can. */
export function pauseLacks() {
  const lacks = [
    ["pause-place", $("pause-sign").value === "away" && !text("pause-place"), "请先写去向"],
    ["pause-resume", resumes() && !/^([01]?\d|2[0-3]):[0-5]\d$/.test(resumes()), "恢复时间请写成 14:30"],
  ].find(([, lacking]) => lacking);
  if (!lacks) return "";
  $(lacks[0]).focus();
  return lacks[2];
}

/** The body of POST /windows/{no}/pause. */
export function pauseBody() {
  const sign = $("pause-sign").value;
  const body = { sign, resume: resumes() || null, contact: text("pause-contact") || null };
  if (sign === "go_to") body.other = Number($("pause-other").value);
  if (sign === "away") body.place = text("pause-place");
  return body;
}

// ---- the clerk

export function drawClerk(desk) {
  const { staff } = desk;
  say("clerk", staff ? `${named(staff)} ${staff}`.trim() : "还没有签到");
  show("sign-out", staff !== null);
  for (const id of ["sign-in-part", "sign-in"]) show(id, staff === null);
}

/**
 * `send(name, path, body)` makes a move of the window and says on the page what went wrong; `notice(words)` tells;
 * `waiting()` is how many wait: signing out with people waiting asks once.
 */
export function duty({ send, notice, waiting }) {
  const signIn = () => {
    const staff = text("staff");
    if (!staff) return notice("请先写工号");
    $("staff").value = "";
    return send("sign-in", "sign-in", { staff });
  };
  onTap($("sign-in"), signIn);
  $("staff").addEventListener("keydown", (event) => event.key === "Enter" && signIn());
  onTap($("sign-out"), () => {
    if (waiting() && performance.now() - asked > ASK_AGAIN) {
      asked = performance.now();
      return notice(`还有 ${waiting()} 人等候，再按一次签退`, ASK_AGAIN);
    }
    asked = -Infinity;
    return send("sign-out", "sign-out", {});
  });
  $("pause-sign").addEventListener("change", drawChoices);
  drawChoices();
}
