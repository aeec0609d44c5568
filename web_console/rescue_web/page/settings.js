// What each person chooses for their own browser: the look, how times are written, sounds, notifications, single keys.

import { $, announce, el, texts, translate } from "./common.js";

const kept = (name, otherwise) => localStorage.getItem(name) ?? otherwise;

function choice(name, label, options, changed = () => {}) {
  const select = el("select", { id: `set-${name}`, onchange: (event) => { localStorage.setItem(name, event.target.value); changed(); } },
    ...options.map(([value, text]) => el("option", { value }, translate(text))));
  select.value = kept(name, options[0][0]);
  return el("p", {}, el("label", { for: select.id }, translate(label)), " ", select);
}

function onOff(name, label, otherwise, changed = () => true) {
  const box = el("input", { type: "checkbox", id: `set-${name}`, checked: kept(name, otherwise) === "on",
    onchange: async () => {
      box.checked = box.checked && await changed();
      localStorage.setItem(name, box.checked ? "on" : "off");
    } });
  return el("p", {}, el("label", {}, box, " ", translate(label)));
}

/** Serve the button "Settings". `redraw` is called when times are to be written otherwise. */
export function serveSettings(redraw) {
  $("settings").addEventListener("click", () => {
    $("help").replaceChildren(el("h2", { id: "help-title" }, translate("Settings")),
      choice("theme", "Look", [["", "as the system's"], ["light", "light"], ["dark", "dark"]], applyTheme),
      choice("times", "Times", [["relative", "since when"], ["absolute", "time of day"]], redraw),
      onOff("notify", "Notify me when a session waits", "off", mayNotify),
      onOff("sounds", "Sound when a session waits", "off", () => { beep(); return true; }),
      onOff("keys", "Single keys are commands", "on"),
      el("p", { class: "quiet" }, translate("They are kept in this browser.")),
      el("div", { class: "buttons" }, el("button", { class: "main", onclick: () => $("help").close() }, translate("Close"))));
    $("help").showModal();
  });
}

export function applyTheme() {
  document.documentElement.dataset.theme = kept("theme", "");
}

async function mayNotify() {
  if (typeof Notification !== "undefined" && await Notification.requestPermission() === "granted") return true;
  $("help").close();
  announce(translate("This browser does not allow notifications here."), true);
  return false;
}

/** A session has begun to wait: make it heard and seen, as far as the person wants that. */
export function sessionWaits(title, chosen) {
  if (kept("sounds", "off") === "on") beep();
  if (kept("notify", "off") !== "on" || document.hasFocus() || typeof Notification === "undefined" || Notification.permission !== "granted") return;
  const note = new Notification(title, { tag: title, lang: texts.language });
  note.addEventListener("click", () => { window.focus(); note.close(); chosen(); });
}

/** Two short tones. */
function beep() {
  const audio = new AudioContext();
  [660, 880].forEach((pitch, number) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    volume.gain.value = 0.08;
    tone.frequency.value = pitch;
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + number * 0.18);
    tone.stop(audio.currentTime + number * 0.18 + 0.15);
  });
  setTimeout(() => audio.close(), 1000);
}
