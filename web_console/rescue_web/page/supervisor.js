// The supervisor's page: every queue, every session, the clock, and the computers that were started from here.

import { $, announce, begin, chip, el, explain, get, inNaturalOrder, listen, paceOf, post, refill, statusWord, texts, tick, translate, written } from "./common.js";

const SHOWN_IN_TABLE = 100; // what does not fit is found by the search
const SHOWN_IN_QUEUE = 8;

let queues = [];
let computers = [];
let clock = null;
let speedShown = null; // what somebody types in the field stays until the clock's speed changes
let chosen = null;
let fingerprint = "";

async function change(path, body) {
  const answer = await post(path, body);
  announce(translate(answer.ok ? "done" : answer.message), !answer.ok);
  return answer;
}

function draw() {
  drawQueues();
  drawSessions();
  drawComputers();
  drawPace();
}

function drawPace() {
  if (!clock?.now) return;
  if (clock.set && clock.set !== speedShown && document.activeElement !== $("speed")) {
    speedShown = clock.set;
    $("speed").value = clock.set;
  }
  $("pace").textContent = paceOf(clock);
}

function drawQueues() {
  refill($("queues"), queues.map((queue) => el("article", { class: "card", "aria-label": queue.technician },
    el("h3", {}, queue.technician), el("p", { class: "quiet" }, `${queue.group}, ${translate(queue.connected ? "console connected" : "no console")}`),
    el("ul", {}, ...queueLines(queue)))));
}

function queueLines(queue) {
  if (!queue.entries.length) return [el("li", { class: "quiet" }, translate("empty"))];
  const lines = queue.entries.slice(0, SHOWN_IN_QUEUE).map((entry) => el("li", {}, el("span", { class: "who" }, el("b", {}, entry.session), " ", written(entry.customer)),
    " ", chip(entry.status), " ", el("span", { class: "quiet figures", "data-since": entry.since })));
  const more = queue.entries.length - lines.length;
  return more ? [...lines, el("li", { class: "quiet" }, `${translate("and more")}: ${more}`)] : lines;
}

function sessions() {
  const found = new Map();
  for (const queue of queues) {
    for (const entry of queue.entries) {
      const known = found.get(entry.session) ?? { session: entry.session, customer: entry.customer, channel: entry.channel, seen: [], groups: new Set() };
      known.groups.add(queue.group);
      known.seen.push([queue.technician, entry.status, entry.lead === queue.technician]);
      found.set(entry.session, known);
    }
  }
  return [...found.values()].sort((a, b) => inNaturalOrder(a.session, b.session));
}

/** What is asked for: the words in the search field, a status, a technician group. */
const isWanted = (one) => {
  const words = $("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const text = [one.session, one.customer, one.channel, ...one.seen.map(([who]) => who)].join(" ").toLowerCase();
  return words.every((word) => text.includes(word))
    && (!$("status").value || one.seen.some(([, status]) => status === $("status").value))
    && (!$("group").value || one.groups.has($("group").value));
};

function drawFilters() {
  const fill = (id, otherwise, values, named) => {
    const before = $(id).value;
    const wanted = JSON.stringify([texts.language, values]);
    if ($(id).dataset.filled === wanted) return;
    $(id).dataset.filled = wanted;
    $(id).replaceChildren(el("option", { value: "" }, translate(otherwise)), ...values.map((value) => el("option", { value }, named(value))));
    $(id).value = values.includes(before) ? before : "";
  };
  fill("status", "any status", Object.keys(texts.status).filter((name) => !name.startsWith("Removed") && name !== "Unknown"), statusWord);
  fill("group", "any group", [...new Set(queues.map((queue) => queue.group))].sort(inNaturalOrder), (name) => name);
}

function drawSessions() {
  drawFilters();
  const all = sessions();
  const found = all.filter(isWanted);
  const shown = found.slice(0, SHOWN_IN_TABLE);
  const head = el("thead", {}, el("tr", {}, ...["Session", "Customer", "Channel", "Status"].map((name) => el("th", { scope: "col", class: name === "Channel" ? "spare" : null }, translate(name))), el("td")));
  const rows = shown.map((one) => el("tr", {}, el("th", { scope: "row" }, one.session), el("td", {}, written(one.customer)), el("td", { class: "spare" }, one.channel),
    el("td", {}, ...one.seen.map(([who, status, lead]) => el("span", { class: "seen" }, `${who}${lead ? ` (${translate("lead")})` : ""} `, chip(status)))),
    el("td", {}, el("button", { "data-key": one.session, "aria-label": `${translate("Show")} ${one.session}`, onclick: () => choose(one.session) }, translate("Show")))));
  refill($("sessions"), found.length ? [head, el("tbody", {}, ...rows)]
    : [el("tbody", {}, el("tr", {}, el("td", {}, translate(all.length ? "No session is like that." : "No sessions."))))]);
  const count = all.length ? `${translate("shown")}: ${shown.length} ${translate("of")} ${all.length}` : "";
  if ($("shown").textContent !== count) $("shown").textContent = count;
  const now = JSON.stringify(all.find((one) => one.session === chosen)?.seen);
  if (chosen && now !== fingerprint) show();
  fingerprint = now;
}

function choose(session) {
  chosen = session;
  show();
}

async function show() {
  const session = chosen;
  $("session-title").textContent = `${translate("Session")} ${session}`;
  $("session").hidden = false;
  try {
    await explain(session, () => session === chosen);
  } catch (error) {
    announce(error.message, true);
  }
}

function drawComputers() {
  refill($("computers"), computers.map((one) => {
    const flip = (name, text) => el("button", { "data-key": `${one.number} ${name}`, onclick: () => change(`/computers/${one.number}`, { switch: name }) }, translate(text));
    const running = one.state !== "gone";
    return el("article", { class: "card", "aria-label": one.name }, el("h3", {}, written(one.name)),
      el("p", {}, `${translate(one.state)}${one.session ? `, ${translate("Session")} ${one.session}` : ""}`),
      el("p", { class: "quiet" }, `${translate("Network")}: ${translate(one.cable)}`),
      el("div", { class: "switches" }, ...(running ? [
        one.cable === "on" ? flip("lan-off", "Pull the cable") : flip("lan-on", "Put the cable in"),
        ...(one.power === "on" ? [flip("reboot", "Reboot"), flip("shut-down", "Shut down"), flip("close", "Close the applet")] : [flip("boot", "Boot")]),
        flip("unplug", "Pull the plug"),
      ] : [flip("forget", "Forget")])));
  }));
}

async function drawChannels() {
  const found = await get("/directory").catch(() => null);
  if (!found) return; // the server is away: when it is back there is another snapshot
  const chosen = $("channel").value; // somebody may have been quicker, or only have changed the language
  $("channel").replaceChildren(el("option", { value: "" }, translate("no channel")), ...found.channels.sort(inNaturalOrder).map((name) => el("option", { value: name }, name)));
  $("channel").value = found.channels.includes(chosen) ? chosen : "";
}

await begin(() => { draw(); drawChannels(); if (chosen) show(); });
const submit = (id, act) => $(id).addEventListener("submit", (event) => { event.preventDefault(); act(); });
for (const id of ["search", "status", "group"]) $(id).addEventListener("input", drawSessions);
submit("find", drawSessions);
submit("run", () => change("/clock", { what: "speed", value: $("speed").value }));
submit("pause", () => change("/clock", { what: "pause" }));
submit("advance", () => change("/clock", { what: "advance", value: $("by").value }));
submit("reset", () => $("dialog").showModal()); // it opens on Cancel
$("cancel").addEventListener("click", () => $("dialog").close());
submit("confirm-reset", () => { $("dialog").close(); change("/reset", {}); });
submit("new-customer", async () => {
  const answer = await change("/computers", { name: $("customer").value.trim(), pin: $("pin").value.trim(), channel: $("channel").value });
  if (answer.ok) $("new-customer").reset();
});
listen({
  snapshot: (state, lost) => { lost(!state.online); queues = state.queues; computers = state.computers; draw(); if (!$("channel").length) drawChannels(); },
  computers: (state) => { computers = state.computers; drawComputers(); },
  clock: (reading) => { clock = reading; drawPace(); },
});
tick();
drawChannels();
document.body.inert = false; // only now every button does something
