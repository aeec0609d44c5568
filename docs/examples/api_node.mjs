// A client in Node. RESCUE_API_URL leads it to the emulator, else it calls the vendor.
const url = process.env.RESCUE_API_URL ?? "https://secure.logmeinrescue.com/API";

async function call(method, given) {
  const answer = await fetch(`${url}/${method}.aspx?${new URLSearchParams(given)}`);
  const body = await answer.text();
  if (!body.startsWith("OK")) throw new Error(`${method}: ${body}`);
  return body.slice("OK\n\n".length);
}

const user = { email: process.env.RESCUE_API_EMAIL, pwd: process.env.RESCUE_API_PASSWORD };
const authcode = (await call("requestAuthCode", user)).split(":")[1];
const [, node] = (await call("getAccount", { authcode })).match(/AccountID:(\d+)/);
const [header, ...rows] = (await call("getSession_v3", { node, authcode })).trimEnd().split("\n");
const titles = header.split("|");
for (const row of rows) {
  const session = Object.fromEntries(row.split("|").map((value, index) => [titles[index], value]));
  console.log(session["ID"], session["Custom Field 0"], session["Status"]);
}
