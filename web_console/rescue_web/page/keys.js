// Keyboard commands: one key each, while no field has the focus. People for whom that is in the way can turn them off.

import { $, el, translate } from "./common.js";

const areOn = () => localStorage.getItem("keys") !== "off";

/** Serve keyboard commands: [key, English name, action]. "?" shows them. */
export function serveKeys(commands) {
  const all = [...commands, ["?", "Show the keys", showHelp]];
  function showHelp() {
    const onOff = el("input", { type: "checkbox", checked: areOn(),
      onchange: (event) => localStorage.setItem("keys", event.target.checked ? "on" : "off") });
    const rows = all.map(([key, name]) => el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, translate(name))));
    $("help").replaceChildren(el("h2", { id: "help-title" }, translate("Keys")), el("table", {}, el("tbody", {}, ...rows)),
      el("p", {}, el("label", {}, onOff, " ", translate("Single keys are commands"))),
      el("div", { class: "buttons" }, el("button", { type: "button", class: "main", onclick: () => $("help").close() }, translate("Close"))));
    $("help").showModal();
    $("help").querySelector(".buttons button").focus();
  }
  document.addEventListener("keydown", (event) => {
    const busy = event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]") || document.body.inert;
    if (busy || event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    const found = all.find(([key]) => key === event.key);
    if (!found || !(areOn() || event.key === "?")) return;
    event.preventDefault();
    found[2]();
  });
  $("keys").addEventListener("click", showHelp);
}
