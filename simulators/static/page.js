// The page of the simulated hall. It asks for everything twice a second and changes only what has changed.

const PERIOD = 500; // milliseconds
const SHARES = [[0, "无"], [0.1, "10%"], [0.5, "50%"], [1, "全部"]];
const cards = new Map();
const central = document.getElementById("central");
const part = (name) => central.querySelector(`[data-is="${name}"]`);

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer.json();
}

function trouble(text) {
  const place = document.getElementById("trouble");
  place.textContent = text;
  place.hidden = !text;
}

async function act(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    trouble(`没有办成：${error.message}`);
  } finally {
    button.disabled = false;
  }
}

// ---- devices

function makeCard(device) {
  const card = document.getElementById("device").content.cloneNode(true).firstElementChild;
  const path = `/devices/${encodeURIComponent(device.id)}`;
  card.dataset.path = path;
  card.querySelector("h2").textContent = device.name;
  card.querySelector(".caption").textContent = `${device.driver} · ${device.link}`;
  for (const select of card.querySelectorAll("select")) {
    for (const [share, word] of SHARES) select.add(new Option(word, share));
    select.onchange = () => act(select, () => ask(`${path}/faults`, { [select.name]: Number(select.value) }));
  }
  for (const box of card.querySelectorAll("input")) {
    box.onchange = () => act(box, () => ask(`${path}/faults`, { [box.name]: box.checked }));
  }
  document.getElementById("devices").append(card);
  cards.set(device.id, card);
  return card;
}

function showDevice(device) {
  const card = cards.get(device.id) ?? makeCard(device);
  const image = card.querySelector("img");
  if (image.dataset.version !== device.version) {
    image.dataset.version = device.version;
    image.src = `${card.dataset.path}/picture.svg?v=${device.version}`;
    image.alt = `${device.name}的样子`;
  }
  showSound(card, device.state);
  showControls(card, device.controls);
  showFaults(card, device.faults);
  if (card.querySelector("details").open) {
    card.querySelector("pre").textContent = JSON.stringify(device.state, null, 1);
  }
}

/** A loudspeaker can be heard once it has said something. */
function showSound(card, state) {
  let player = card.querySelector("audio");
  if (!state.heard?.length || player?.dataset.count === String(state.count)) return;
  if (!player) {
    player = document.createElement("audio");
    player.controls = true;
    card.querySelector("img").after(player);
  }
  player.dataset.count = String(state.count);
  player.src = `${card.dataset.path}/sound.wav?n=${state.count}`;
}

function showControls(card, controls) {
  const names = controls.map((each) => each.name).join(" ");
  if (card.dataset.controls !== names) {
    card.dataset.controls = names;
    card.classList.toggle("wide", controls.some((each) => each.group));
    const rows = new Map();
    for (const each of controls) {
      const row = rows.get(each.group) ?? document.createElement("div");
      row.className = "row";
      row.append(makeButton(card, each));
      rows.set(each.group, row);
    }
    card.querySelector(".controls").replaceChildren(...rows.values());
  }
  const buttons = card.querySelectorAll(".controls button");
  controls.forEach((each, nth) => {
    if (each.on !== undefined) buttons[nth].setAttribute("aria-pressed", String(each.on));
  });
}

function makeButton(card, control) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = control.label;
  button.dataset.name = control.name;
  button.onclick = () => act(button, async () => {
    showDevice(await ask(`${card.dataset.path}/control/${encodeURIComponent(control.name)}`, {}));
  });
  return button;
}

/** What calls the service itself has no line of ours. */
function showFaults(card, faults) {
  card.querySelector(".faults").hidden = !faults;
  if (!faults) return;
  for (const field of card.querySelectorAll(".faults select, .faults input")) {
    if (document.activeElement === field && field.tagName === "SELECT") continue;
    if (field.type === "checkbox") field.checked = faults[field.name];
    else field.value = String(faults[field.name]);
  }
  card.querySelector(".faults").classList.toggle("active", Object.values(faults).some(Boolean));
}

// ---- the centre

function showCentral(state) {
  central.hidden = false;
  part("mark").textContent = state.online ? "在线" : "离线";
  part("mark").classList.toggle("away", !state.online);
  part("switch").textContent = state.online ? "让中心离线" : "让中心上线";
  part("switch").onclick = () => act(part("switch"), async () => {
    showCentral(await ask(state.online ? "/central/away" : "/central/back", {}));
  });
  for (const name of ["received", "duplicates", "order_errors"]) part(name).textContent = state[name];
  part("order_errors").parentElement.classList.toggle("bad", state.order_errors > 0);
  part("empty").hidden = state.events.length > 0;
  const newest = state.events.map((each) => each.id).join(" ");
  if (central.dataset.newest === newest) return;
  central.dataset.newest = newest;
  part("events").replaceChildren(...state.events.map(makeEvent));
}

function makeEvent(event) {
  const item = document.createElement("li");
  const time = event.time ? new Date(event.time).toLocaleTimeString("zh-CN", { hour12: false }) : "";
  for (const [tag, text] of [["span", time], ["b", event.type], ["span", event.seq ?? ""]]) {
    const cell = document.createElement(tag);
    cell.textContent = text;
    item.append(cell);
  }
  item.title = `${event.id} ${event.key ?? ""}`;
  return item;
}

// ---- twice a second

let hasCentral = true;
let lost = false;

async function look() {
  const { hall, devices } = await ask("/devices");
  document.getElementById("hall").textContent = `模拟大厅 · ${hall}`;
  devices.forEach(showDevice);
  if (!hasCentral) return;
  const answer = await fetch("/central");
  hasCentral = answer.status !== 404;
  if (answer.ok) showCentral(await answer.json());
}

async function again() {
  try {
    if (!document.hidden) await look();
    if (lost) trouble("");
    lost = false;
  } catch {
    lost = true;
    trouble("模拟大厅没有应答，正在重连");
  }
  setTimeout(again, PERIOD);
}

again();
