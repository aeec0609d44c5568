// The customer's computer: its power and its cable, and on its screen the applet with terms and chat.

import { $, announce, begin, el, listen, post, refill, texts, translate, written } from "./common.js";
import { serveKeys } from "./keys.js";

let computer = null;

const problem = ({ reason, message }) => texts["computer problem"][reason] ?? texts["computer problem"][message] ?? message;

async function act(body) {
  const answer = await post("/customer/act", body);
  announce(answer.ok ? "" : answer.message, !answer.ok);
  return answer.ok;
}

const flip = (name) => () => act({ switch: name });
const isOff = () => computer?.power === "off";
const isOver = () => !computer.running || Boolean(computer.ended);

function draw() {
  if (!computer) return;
  drawCase();
  drawWindow();
}

function lamp(name, good, text) {
  const light = el("span", { class: good ? "good" : "urgent", "aria-hidden": "true" }, good ? "● " : "○ ");
  return [el("dt", {}, translate(name)), el("dd", {}, light, text)];
}

function drawCase() {
  const link = { connected: "connected", lost: "lost" }[computer.link] ?? "not yet";
  $("lamps").replaceChildren(
    ...lamp("Power", computer.running && !isOff(), translate(computer.running ? computer.power : "off")),
    ...lamp("Cable", computer.cable, [translate(computer.cable ? "on" : "off"), ...computer.faults].join(", ")),
    ...lamp("Link", computer.link === "connected", translate(link)),
    el("dt", {}, translate("Session")), el("dd", {}, computer.session || "-"));
  const button = (key, name, text) => el("button", { "data-key": key, onclick: flip(name) }, translate(text));
  refill($("switches"), isOver() ? [] : [
    isOff() ? button("power", "boot", "Switch on") : button("power", "shut-down", "Switch off"),
    computer.cable ? button("lan", "lan-off", "Pull the cable") : button("lan", "lan-on", "Put the cable in"),
    ...(isOff() ? [] : [button("reboot", "reboot", "Reboot")]),
    button("plug", "unplug", "Pull the plug"),
  ]);
}

function news() {
  if (computer.ended) return `${translate("The session is over")}: ${translate(computer.ended)}.`;
  if (!computer.running) return computer.last_word?.message ? problem(computer.last_word) : translate("The computer is off.");
  if (isOff()) return translate("The computer is off.");
  if (computer.terms) return translate("Do you accept these terms?");
  if (computer.state === "rebooting" || computer.power === "starting") return translate("The computer starts up …");
  if (!computer.session || computer.lead === null) return translate("Connecting to the server …");
  if (!computer.lead) return translate("Waiting for a technician.");
  const doing = translate(computer.on_hold ? "has put you on hold" : "is helping you");
  return `${computer.lead} ${doing}${computer.collaborators.length ? `, ${translate("with")} ${computer.collaborators.join(", ")}` : ""}.`;
}

function drawWindow() {
  const dark = !isOver() && (isOff() || computer.power === "starting");
  const inUse = !isOver() && !dark;
  $("window").classList.toggle("dark", dark);
  if ($("news").textContent !== news()) $("news").textContent = news();
  $("link-lost").hidden = !inUse || computer.link !== "lost";
  $("link-lost").textContent = translate("Connection lost; trying to reconnect …");
  $("terms").hidden = !inUse || !computer.terms;
  $("wording").replaceChildren(...computer.terms.split("\n").map((line) => el("p", {}, written(line))));
  $("talk").hidden = !inUse || !computer.session;
  $("again").hidden = !isOver();
  drawChat();
}

function drawChat() {
  const you = translate("You");
  const lines = [...computer.chat.map((line) => el("p", {}, el("b", {}, written(line.from || you)), ": ", written(line.text))),
    ...computer.unsent.map((text) => el("p", { class: "quiet" }, `${you} (${translate("not sent yet")}): `, written(text)))];
  $("chat").replaceChildren(...(lines.length ? lines : [el("p", { class: "quiet" }, translate("No chat lines yet."))]));
  $("chat").scrollTop = $("chat").scrollHeight;
}

await begin(draw);
const isShown = (id) => !$(id).hidden;
$("accept").addEventListener("click", flip("accept"));
$("decline").addEventListener("click", flip("decline"));
$("close-applet").addEventListener("click", flip("close"));
$("join-again").addEventListener("click", () => $("sign-out").click());
$("chat-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("line").value.trim();
  if (text && await act({ chat: text })) $("line").value = "";
});
$("line").addEventListener("keydown", (event) => { if (event.key === "Escape") $("line").blur(); });
serveKeys([
  ["l", "LAN off/on", () => act({ switch: computer.cable ? "lan-off" : "lan-on" })],
  ["r", "reboot", flip("reboot")],
  ["o", "Switch off", flip("shut-down")],
  ["b", "boot", flip("boot")],
  ["a", "accept", () => isShown("terms") && act({ switch: "accept" })],
  ["d", "decline", () => isShown("terms") && act({ switch: "decline" })],
  ["m", "chat", () => isShown("talk") && $("line").focus()],
  ["c", "close applet", flip("close")],
  ["k", "kill process", flip("kill")],
  ["q", "pull the plug", flip("unplug")],
]);
listen({
  snapshot: (state, lost) => { lost(false); computer = state; draw(); },
  problem: (found) => announce(problem(found), true),
});
document.body.inert = false;
