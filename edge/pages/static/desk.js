// Who calls for help at a kiosk stands on every page of the help desk, as the service draws it.

import { $, drawn } from "./dom.js";
import { live } from "./live.js";

async function refresh() {
  const fresh = await drawn("/desk/calls");
  if (fresh && !$("calls").contains(document.activeElement)) $("calls").replaceChildren(fresh);
}

live({ refresh, wants: (event) => event.type.startsWith("kiosk.") });
