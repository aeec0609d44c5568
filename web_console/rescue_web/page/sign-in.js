import { $, language, post, speak, translate } from "./common.js";

await speak(language());
let reason = sessionStorage.getItem("farewell") ?? "";
const draw = () => { $("message").textContent = translate(reason); };
sessionStorage.removeItem("farewell");
draw();
$("language").addEventListener("change", async (event) => { await speak(event.target.value); draw(); });
$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await post("/sign-in", { user: $("user").value.trim(), secret: $("secret").value });
  if (answer.ok) location.assign("/");
  else {
    reason = answer.message;
    draw();
  }
});
document.body.inert = false;
$("user").focus();
