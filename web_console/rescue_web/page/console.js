// The technician's console: their queue, the session they chose, and every command with the reason when it is not possible.

import { $, announce, begin, chip, el, emulatedNow, explain, get, inNaturalOrder, listen, pageId, period, post, refill, statusWord, texts, tick, translate, written } from "./common.js";
import { serveKeys } from "./keys.js";
import { serveSettings, sessionWaits } from "./settings.js";
import { exerciseAccount, exerciseConsole, redrawExercises, serveExercises, showExercise, toggleExercises } from "./exercises.js";

const COMMANDS = ["start", "hold", "transfer", "invite", "remove", "lead offer", "lead cancel", "reboot", "note", "end"];
const PROCESSES = ["remote-control", "screen-sharing", "file-manager", "file-transfer", "save-dialog", "calling-card"];

const entries = new Map();
const chats = new Map();
const alarms = new Map();
let chosen = null;
let online = true;
let me = "";

const inOrder = () => [...entries.values()].sort((a, b) => (a.created_at + a.session).localeCompare(b.created_at + b.session));
const allows = (entry, command) => online && entry.possible.includes(command);
const why = (command) => online ? `${texts.command[command]}: ${texts.needs[command] ?? ""}` : translate("the server is away");

async function order(line) {
  const answer = await post("/line", { line });
  announce(translate(answer.ok ? "done" : answer.message), !answer.ok);
  return answer;
}

// Drawing

function draw() {
  drawQueue();
  drawSession();
}

function drawQueue() {
  const shown = inOrder().map((entry) => el("li", {}, el("button", {
    "data-key": entry.session, "aria-current": String(entry.session === chosen), onclick: () => choose(entry.session),
  },
  el("span", {}, el("b", {}, entry.session), " ", written(entry.customer)), chip(entry.status),
  el("span", { class: "quiet about" }, entry.lead ? `${translate("Lead")}: ` : "", written(entry.lead || entry.comment || entry.channel)),
  el("span", { class: "quiet figures", "data-since": entry.since }),
  entry.due_at ? el("span", { "data-due": entry.due_at, "data-urgent-from": entry.urgent_from }) : null)));
  refill($("queue"), shown.length ? shown : [el("li", { class: "quiet" }, translate("The queue is empty."), el("br"),
    translate("New PIN (key n) begins a session: tell the customer its six digits. A call through a channel comes by itself."))]);
}

function drawSession() {
  const entry = entries.get(chosen);
  $("session").hidden = !entry;
  if (!entry) {
    $("session-title").textContent = translate(chosen ? "The session left the queue." : "No session is selected.");
    return;
  }
  $("session-title").replaceChildren(`${translate("Session")} ${entry.session}${entry.customer ? ", " : ""}`, written(entry.customer));
  $("state").replaceChildren(chip(entry.status), " ", el("span", { class: "figures quiet", "data-since": entry.since }));
  refill($("toolbar"), COMMANDS.filter((command) => command !== "lead cancel" || (entry.lead_offered_to && entry.lead === me)).map((command) => button(entry, command)));
  drawFacts(entry);
  drawOffer(entry);
  drawChat(entry);
  drawProcesses(entry);
}

function button(entry, command) {
  const possible = allows(entry, command);
  return el("button", {
    "data-key": command, "aria-disabled": String(!possible), title: possible ? null : why(command),
    "aria-description": possible ? null : why(command),
    onclick: () => possible ? act(entry, command) : announce(why(command), true),
  }, texts.command[command]);
}

function drawFacts(entry) {
  const facts = [
    ["PIN", entry.pin], ["Channel", entry.channel], ["Lead", entry.lead], ["From", entry.introduced_by], ["Comment", entry.comment],
  ].filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, translate(name)), el("dd", {}, written(value))]);
  if (entry.due_at) {
    facts.push(el("dt", {}, translate("times out in")), el("dd", {}, el("span", { class: "figures", "data-due": entry.due_at, "data-urgent-from": entry.urgent_from }), ` (${texts.setting[entry.due_by] ?? entry.due_by})`));
  }
  $("facts").replaceChildren(...facts);
  $("participants").replaceChildren(...entry.participants.map((who) => el("li", {},
    el("b", {}, who.technician), " ", chip(who.status), who.lead ? ` ${translate("lead")}` : "")));
}

function drawOffer(entry) {
  const offered = entry.lead_offered_to;
  if (!offered) return $("offer").replaceChildren();
  if (offered !== me) return $("offer").replaceChildren(el("p", {}, `${translate("The lead status is offered to")} ${offered}.`));
  return refill($("offer"), [el("p", {}, `${entry.lead} ${translate("offers you the lead status")}.`), button(entry, "lead accept")]);
}

/** By which name the customer's lines are signed; one that a technician has is marked. */
function customerName(entry) {
  if (!entry.customer) return translate("customer");
  const taken = entry.participants.some((who) => who.technician.toLowerCase() === entry.customer.toLowerCase());
  return taken ? `${entry.customer} (${translate("customer")})` : entry.customer;
}

function drawChat(entry) {
  const lines = chats.get(entry.session) ?? [];
  $("chat").replaceChildren(...(lines.length ? lines.map((line) => el("p", {}, el("b", {}, written(line.from || customerName(entry))), ": ", written(line.text)))
    : [el("p", { class: "quiet" }, translate("No chat lines yet."))]));
  $("chat").scrollTop = $("chat").scrollHeight;
  const possible = allows(entry, "chat");
  $("line").disabled = !possible;
  $("chat-form").querySelector("button").disabled = !possible;
  $("chat-why").textContent = possible ? "" : why("chat");
}

function drawProcesses(entry) {
  const unknown = entry.processes.filter((process) => !PROCESSES.includes(process)).slice(0, 1); // of a newer server
  const boxes = [...PROCESSES, ...unknown].map((process) => {
    const open = entry.processes.includes(process);
    const possible = PROCESSES.includes(process) && allows(entry, open ? "close" : "open");
    return el("label", { title: possible ? null : why(open ? "close" : "open") }, el("input", {
      type: "checkbox", "data-key": process, checked: open, disabled: !possible,
      onchange: async (event) => {
        const answer = await order(`${event.target.checked ? "open" : "close"} ${entry.session} ${process}`);
        if (!answer.ok) drawSession();
      },
    }), texts.process[process]);
  });
  refill($("processes"), [el("legend", {}, translate("Processes that prevent the idle time-out")), ...boxes]);
}

function drawDue() {
  for (const place of document.querySelectorAll("[data-due]")) {
    const left = Date.parse(place.dataset.due) - emulatedNow();
    place.textContent = place.closest("#queue") ? `${translate("times out in")} ${period(left)}` : period(left);
    const urgent = emulatedNow() >= Date.parse(place.dataset.urgentFrom);
    place.classList.toggle("urgent", urgent);
    if (place.closest("#queue")) place.hidden = !urgent;
  }
}

// Doing

function choose(session, scroll = true) {
  chosen = session;
  draw();
  history(session);
  if (scroll && matchMedia("(max-width: 56rem)").matches) $("detail").scrollIntoView({ block: "start" });
}

/** Choose the next session of the list, or the one before. */
function step(by) {
  const sessions = inOrder().map((entry) => entry.session);
  if (sessions.length) choose(sessions[(Math.max(sessions.indexOf(chosen), by > 0 ? -1 : 0) + by + sessions.length) % sessions.length]);
}

async function history(session) {
  try {
    learn(session, await explain(session, () => session === chosen));
    if (session === chosen && entries.has(session)) drawChat(entries.get(session));
  } catch {
    // A lost server has its banner; a session that is forgotten has no history.
  }
}

async function act(entry, command) {
  const session = entry.session;
  if (command === "transfer") return askTarget(session);
  if (command === "invite") return askTechnician(entry, command, (who) => !takesPart(entry, who.name));
  if (command === "remove") return askTechnician(entry, command, (who) => takesPart(entry, who.name) && who.name !== me);
  if (command === "lead offer") return askTechnician(entry, command, (who) => entry.participants.some((p) => p.technician === who.name && p.status === "Collaborating"));
  if (command === "note") return askNote(session);
  if (command === "end" && entry.before_ending) return askWhetherToEnd(entry);
  const [verb, ...rest] = command.split(" ");
  return order([verb, session, ...rest].join(" "));
}

const takesPart = (entry, name) => entry.participants.some((one) => one.technician === name);

function ask(title, content, confirm, done) {
  const form = el("form", { method: "dialog" }, el("h2", { id: "dialog-title" }, title), ...content, el("div", { class: "buttons" },
    el("button", { type: "button", onclick: () => $("dialog").close() }, translate("Cancel")),
    confirm ? el("button", { class: "main" }, confirm) : null));
  form.addEventListener("submit", (event) => { event.preventDefault(); done(form); });
  delete $("dialog").dataset.pinOf;
  $("dialog").replaceChildren(form);
  $("dialog").showModal();
}

/** Confirm what cannot be undone; the dialog opens on Cancel. */
function askWhetherToEnd(entry) {
  const about = el("p", { id: "dialog-about" }, `${translate("Session")} ${entry.session}${entry.customer ? ", " : ""}`, written(entry.customer),
    el("br"), translate(entry.before_ending));
  ask(texts.command.end, [about], texts.command.end, () => {
    $("dialog").close();
    order(`end ${entry.session}`);
  });
}

async function directory() {
  const found = await get("/directory");
  found.technicians.sort((a, b) => inNaturalOrder(a.name, b.name));
  found.groups.sort(inNaturalOrder);
  found.channels.sort(inNaturalOrder);
  return found;
}

async function askTechnician(entry, command, fits) {
  const found = (await directory()).technicians.filter(fits);
  const choice = el("select", { id: "whom" }, ...found.map((who) => el("option", { value: who.name }, `${who.name} (${who.group}, ${translate(who.connected ? "there" : "away")})`)));
  const content = found.length ? [el("label", { for: "whom" }, translate("Whom?")), choice] : [el("p", {}, translate("There is nobody to choose."))];
  ask(texts.command[command], content, found.length ? texts.command[command] : null, () => {
    $("dialog").close();
    const [verb, ...rest] = command.split(" ");
    order([verb, entry.session, ...rest, `"${choice.value}"`].join(" "));
  });
}

async function askTarget(session) {
  const found = await directory();
  const options = [
    ...found.technicians.filter((who) => who.name !== me).map((who) => [`technician:${who.name}`, `${who.name} (${who.group}, ${translate(who.connected ? "there" : "away")})`]),
    ...found.groups.map((name) => [`group:${name}`, `${name} (${translate("group")})`]),
    ...found.channels.map((name) => [`channel:${name}`, `${name} (${translate("channel")})`]),
  ];
  const choice = el("select", { id: "target" }, ...options.map(([value, text]) => el("option", { value }, text)));
  const comment = el("input", { id: "comment", maxlength: 500, autocomplete: "off" });
  ask(texts.command.transfer, [el("label", { for: "target" }, translate("To whom?")), choice,
    el("label", { for: "comment" }, translate("Comment for those who get it (may be empty)")), comment], texts.command.transfer, () => {
    $("dialog").close();
    const remark = comment.value.trim();
    order(`transfer ${session} "${choice.value}"${remark ? ` comment ${remark}` : ""}`);
  });
}

function askNote(session) {
  const note = el("input", { id: "note", maxlength: 1000, autocomplete: "off", required: true });
  ask(texts.command.note, [el("label", { for: "note" }, translate("A note that the customer does not see")), note], texts.command.note, async () => {
    const text = note.value.trim();
    if (text && (await order(`note ${session} ${text}`)).ok) $("dialog").close();
  });
}

function askPin() {
  const name = el("input", { id: "name", maxlength: 64, autocomplete: "off" });
  ask(translate("New PIN"), [el("label", { for: "name" }, translate("Customer's name (may be empty)")), name], translate("Create"), async () => {
    const answer = await order(`pin ${name.value.trim()}`.trim());
    if (!answer.ok) return $("dialog").close();
    const until = new Date(emulatedNow() + answer.valid_for * 1000).toISOString();
    $("dialog").dataset.pinOf = answer.session;
    $("dialog").replaceChildren(el("h2", { id: "dialog-title" }, `${translate("Session")} ${answer.session}`), el("p", {}, translate("Tell the customer this PIN:")),
      el("p", {}, `${translate("valid for")} `, el("span", { class: "figures", "data-due": until, "data-urgent-from": until })),
      el("p", { class: "pin", "aria-label": [...answer.pin].join(" "), role: "img" }, answer.pin),
      el("div", { class: "buttons" }, el("button", { class: "main", onclick: () => $("dialog").close(), autofocus: true }, translate("Close"))));
    $("dialog").querySelector("button").focus();
    choose(answer.session, false);
    return undefined;
  });
}

// Receiving

function snapshot(state) {
  for (const known of [entries, chats, alarms]) known.clear();
  for (const entry of state.entries) entries.set(entry.session, entry);
  for (const [session, lines] of Object.entries(state.chats)) learn(session, lines);
  for (const [session, due] of Object.entries(state.alarms)) alarms.set(session, due);
  draw();
  closeUsedPin();
  if (chosen) history(chosen);
}

/** Take in chat lines, each once: those of before this page come from the journal, which may be ahead of the queue. */
function learn(session, lines) {
  const known = new Map((chats.get(session) ?? []).map((line) => [line.revision, line]));
  for (const line of lines) known.set(line.revision, line);
  chats.set(session, [...known.values()].sort((a, b) => a.revision - b.revision));
}

/** Close the dialog of a PIN that was used. */
function closeUsedPin() {
  const session = $("dialog").dataset.pinOf;
  const entry = entries.get(session);
  if (!$("dialog").open || !session || !entry || entry.pin) return;
  $("dialog").close();
  announce(`${translate("The PIN has been used.")} ${translate("Session")} ${session}: ${statusWord(entry.status)}`);
}

function update({ session, entry, lines }) {
  if (entry) entries.set(session, entry);
  else entries.delete(session);
  for (const line of lines) {
    if (waits(line)) sessionWaits(`${translate("Session")} ${session}: ${statusWord(line.status)}`, () => choose(session));
    if (line.event === "chat") learn(session, [{ revision: line.revision, from: line.role === "technician" ? line.from : "", text: line.text }]);
    if (line.event === "alarm") announce(`${translate("Session")} ${session}: ${translate("times out in")} ${period(Date.parse(line.due_at) - emulatedNow())}`, true);
    if (line.event === "lead-offer") announce(`${translate("Session")} ${session}: ${line.from} ${translate("offers you the lead status")}.`);
    if (line.event === "entry" && line.previous) announce(`${translate("Session")} ${session}: ${statusWord(line.previous)} → ${statusWord(line.status)}`);
  }
  draw();
  closeUsedPin();
  if (session === chosen && lines.some((line) => line.event === "entry" || line.event === "details")) history(session);
}

/** Whether a session now waits for this technician: it did not before. */
const waits = (line) => line.event === "entry" && line.status !== line.previous && ["Waiting", "Incoming", "Invitation"].includes(line.status);

let reported = null;
function reportFocus() {
  const on = document.hasFocus() && document.visibilityState === "visible";
  if (on !== reported) post("/focus", { page: pageId, on });
  reported = on;
}

const self = await begin(() => { draw(); redrawExercises(); if (chosen) history(chosen); });
const user = self.user;
if (self.channel) {
  $("own-customer").href = `/customer?channel=${encodeURIComponent(self.channel)}`;
  $("own-customer").hidden = false;
}
me = user;
serveExercises();
serveSettings(draw);
const key = (command) => () => entries.has(chosen) ? button(entries.get(chosen), command).click() : announce(translate("No session is selected."), true);
serveKeys([
  ["n", "New PIN", askPin],
  ...Object.entries({ s: "start", h: "hold", t: "transfer", i: "invite", x: "remove", g: "lead offer", k: "lead cancel", a: "lead accept", b: "reboot", w: "note", e: "end" })
    .map(([letter, command]) => [letter, texts.command[command], key(command)]),
  ["m", "Chat", () => $("line").focus()],
  [".", "Next session", () => step(1)],
  [",", "Previous session", () => step(-1)],
  ["p", "Exercises", () => toggleExercises()],
]);
$("line").addEventListener("keydown", (event) => { if (event.key === "Escape") $("line").blur(); });
$("new-pin").addEventListener("click", askPin);
$("chat-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("line").value.trim();
  if (text && (await order(`chat ${chosen} ${text}`)).ok) $("line").value = "";
});
for (const name of ["focus", "blur"]) window.addEventListener(name, reportFocus);
document.addEventListener("visibilitychange", reportFocus);
let listenAnew = null;
let console = ""; // whose queue is shown: one's own, or that of the trainee of an exercise

/** Show an exercise, and its trainee's queue in place of one's own. */
function exercise({ exercise: state }) {
  showExercise(state);
  me = exerciseAccount() || user;
  if (exerciseConsole() === console) return;
  console = exerciseConsole();
  chosen = null;
  snapshot({ entries: [], chats: {}, alarms: {} });
  listenAnew = listenAnew();
}

listenAnew = listen({
  exercise,
  snapshot: (state, lost) => { lost(!state.online); snapshot(state); reported = null; reportFocus(); },
  update,
  unknown: () => announce(translate("A newer server reports something that this program does not know.")),
  online: (is) => { if (is !== online) { online = is; draw(); } if (is) { reported = null; reportFocus(); } },
});
tick(drawDue);
draw();
document.body.inert = false; // only now every button does something
