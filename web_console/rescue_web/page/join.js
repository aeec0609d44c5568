// A customer joins a session: with a PIN, or through a channel. A link may bring either: /customer?pin=123456.

import { $, announce, language, post, speak, translate } from "./common.js";

await speak(language());
const given = new URLSearchParams(location.search);
for (const name of ["pin", "channel", "name"]) $(name).value = given.get(name) ?? "";
let reason = sessionStorage.getItem("farewell") ?? "";
sessionStorage.removeItem("farewell");
announce(translate(reason), true);
$("language").addEventListener("change", async (event) => { await speak(event.target.value); announce(translate(reason), true); });
$("join").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = $("join").querySelector("button");
  button.disabled = true;
  announce(translate("Connecting to the server …"));
  const answer = await post("/customer/join", { name: $("name").value, pin: $("pin").value, channel: $("channel").value });
  button.disabled = false;
  if (answer.ok) return location.assign("/customer");
  reason = answer.message;
  announce(reason, true);
  return $($("channel").value && !$("pin").value ? "channel" : "pin").focus();
});
document.body.inert = false;
$(given.get("pin") || given.get("channel") ? "name" : "pin").focus();
