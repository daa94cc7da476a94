// Who calls for help at a kiosk stands on every page of the desk, as the service draws it.

import { $, drawn, list } from "./dom.js";
import { live } from "./live.js";

async function refresh() {
  const fresh = await drawn("/desk/calls");
  if (fresh) list($("calls"), [...fresh.children], (each) => each.dataset.key, (each) => each);
}

live({ refresh, wants: (event) => /^kiosk\./.test(event.type) });
