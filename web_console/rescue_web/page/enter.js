// Somebody of a class joins with the code of their handout; the link /join/CODE brings it. Nothing is sent before they press Join.

import { $, announce, language, post, speak, translate } from "./common.js";

/** What shows that it is this browser that has used a code. It stays here. */
function joiner() {
  const known = localStorage.getItem("joiner");
  if (known) return known;
  const made = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  localStorage.setItem("joiner", made);
  return made;
}

await speak(language());
document.title = translate("Join the class");
$("code").value = decodeURIComponent(location.pathname.split("/")[2] ?? "");
let reason = "";
$("language").addEventListener("change", async (event) => { await speak(event.target.value); announce(translate(reason), true); });
$("enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = $("enter").querySelector("button");
  button.disabled = true;
  announce(translate("Connecting to the server …"));
  const answer = await post("/join", { code: $("code").value, joiner: joiner() });
  button.disabled = false;
  if (answer.ok) return location.assign("/");
  reason = answer.message;
  announce(reason, true);
  return $("code").focus();
});
document.body.inert = false;
($("code").value ? $("enter").querySelector("button") : $("code")).focus();
