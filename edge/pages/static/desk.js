// Who calls for help at a kiosk stands on every page of the help desk, as the service draws it.

import { $ } from "./dom.js";
import { live } from "./live.js";

async function refresh() {
  const answer = await fetch("/desk/calls", { cache: "no-store" });
  if (!answer.ok || answer.redirected || $("calls").contains(document.activeElement)) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  $("calls").replaceChildren(...fresh.body.childNodes);
}

live({ refresh, wants: (event) => event.type.startsWith("kiosk.") });
