import { $, language, post, speak } from "./common.js";

await speak(language());
$("language").addEventListener("change", (event) => speak(event.target.value));
$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await post("/sign-in", { user: $("user").value.trim(), secret: $("secret").value });
  if (answer.ok) location.assign("/");
  else $("message").textContent = answer.message;
});
document.body.inert = false;
$("user").focus();
