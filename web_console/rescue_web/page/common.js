// What both pages need: texts, the proof that a request is ours, the emulated clock, events that resume.

document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "";

export const texts = { text: {}, status: {}, command: {}, needs: {}, process: {}, setting: {} };
export const translate = (english) => texts.text[english] ?? texts.computer?.[english] ?? english;
export const statusWord = (name) => texts.status[name] ?? name;
export const $ = (id) => document.getElementById(id);

let proof = "";
const clock = { now: 0, read: 0, speed: 0, known: false };
let user = "";
export const pageId = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);

/** Make an element. Properties are attributes; on* are listeners; children are elements or texts. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** The natural order of names: tech2 before tech10. */
export const inNaturalOrder = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

/** Put new children into an element, and the focus back to the one with the same data-key. */
export function refill(element, children) {
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  element.replaceChildren(...children);
  if (key) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

/** What people wrote: its direction of writing is its own, so that a name cannot turn the text around it. */
export const written = (text) => el("bdi", {}, text);

/** A status as people read it: in texts; the colour only helps. */
export const chip = (status) => el("span", { class: "chip", "data-status": status }, statusWord(status));

export function announce(text, bad = false) {
  $("message").textContent = text;
  $("message").classList.toggle("bad", bad);
}

/** A path with the page's language, in which the answer is. */
function inLanguage(path) {
  return /[?&]lang=/.test(path) ? path : `${path}${path.includes("?") ? "&" : "?"}lang=${texts.language ?? language()}`;
}

export async function get(path) {
  const answer = await fetch(inLanguage(path), { headers: { accept: "application/json" } });
  if (answer.status === 401) leave();
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).message ?? answer.statusText);
  return (answer.headers.get("content-type") ?? "").includes("json") ? answer.json() : answer.text();
}

/** Where the page's own paths begin, and where one goes who is signed out. */
const base = document.body.dataset.base ?? "";

let leaving = false;

/** Go to the sign-in page, which shows the reason. */
function leave(why = "You were signed out: sign in again.") {
  if (leaving) return;
  leaving = true;
  if (why) sessionStorage.setItem("farewell", why);
  location.assign(base || "/");
}

/** Request a change. Resolves to the answer: `ok` is whether it was made, `message` why not. */
export async function post(path, body) {
  try {
    const answer = await fetch(inLanguage(path), {
      method: "POST",
      headers: { "content-type": "application/json", "x-rescue-proof": proof },
      body: JSON.stringify(body),
    });
    if (answer.status === 401 && proof) leave();
    return await answer.json();
  } catch {
    return { ok: false, message: translate("the server is away") };
  }
}

/** Load the texts of a language and put them where the page has data-text. */
export async function speak(language) {
  Object.assign(texts, await get(`/texts?lang=${language}`));
  document.documentElement.lang = language;
  $("language").value = language;
  localStorage.setItem("language", language);
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = translate(place.dataset.text);
}

export const language = () => localStorage.getItem("language") ?? (navigator.language.startsWith("nl") ? "nl" : "en");

/** Begin a page: who this is, its texts, its header. `redraw` is called when the language changes. */
export async function begin(redraw) {
  const me = await get(`${base}/me`);
  proof = me.proof;
  user = me.user;
  $("user").textContent = me.user;
  await speak(language());
  $("language").addEventListener("change", async (event) => { await speak(event.target.value); redraw(); });
  $("sign-out").addEventListener("click", async () => { await post(`${base}/sign-out`, {}); leave(""); });
  return me;
}

/** Receive all events. After a lost connection, continue from the last event. Returns how to begin anew with all. */
export function listen(listeners) {
  const events = new EventSource(`${base}/events?page=${pageId}&user=${encodeURIComponent(user)}`);
  const lost = (away) => {
    if (!away && !$("lost").hidden) announce(translate("The server is back."));
    $("lost").hidden = !away;
    $("lost").textContent = away ? translate("The server is lost; what you see is how it was. It goes on by itself.") : "";
    listeners.online?.(!away);
  };
  events.addEventListener("error", () => {
    lost(true);
    readClock({ speed: 0 });
    if (events.readyState === EventSource.CLOSED) leave();
  });
  events.addEventListener("server", (event) => lost(!JSON.parse(event.data).online));
  events.addEventListener("refused", async () => {
    events.close();
    sessionStorage.setItem("farewell", "You were signed out: your name or your secret is not accepted any more.");
    await post(`${base}/sign-out`, {});
    leave("");
  });
  events.addEventListener("clock", (event) => { readClock(JSON.parse(event.data)); listeners.clock?.(JSON.parse(event.data)); });
  for (const kind of ["snapshot", "update", "unknown", "computers", "classes", "problem", "exercise"]) {
    if (listeners[kind]) events.addEventListener(kind, (event) => listeners[kind](JSON.parse(event.data), lost));
  }
  return () => { events.close(); return listen(listeners); };
}

function readClock(reading) {
  if (reading.now) clock.now = Date.parse(reading.now);
  else clock.now = emulatedNow();
  clock.read = performance.now();
  clock.speed = reading.speed ?? 0;
  clock.known = clock.known || Boolean(reading.now);
}

/** How fast the emulated time goes by, in words. */
export function paceOf(reading) {
  const pace = reading.paused || !reading.speed ? translate("stands still") : `${reading.set ?? reading.speed} ${translate("times as fast as life")}`;
  return `${translate("Emulated time")}: ${pace}`;
}

export const emulatedNow = () => clock.now + (performance.now() - clock.read) * clock.speed;

/** A period in emulated milliseconds, for people. */
export function period(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

export const time = (stamp) => new Date(stamp).toISOString().slice(11, 19);

/** Write the clock, and how long everything with data-since lasts, several times a second. */
export function tick(also = () => {}) {
  if (clock.known) {
    const narrow = matchMedia("(max-width: 40rem)").matches;
    $("clock").textContent = new Date(emulatedNow()).toISOString().slice(narrow ? 11 : 0, 19).replace("T", " ");
    for (const place of document.querySelectorAll("[data-since]")) {
      const shown = [period(emulatedNow() - Date.parse(place.dataset.since)), time(place.dataset.since)];
      [place.textContent, place.title] = localStorage.getItem("times") === "absolute" ? shown.reverse() : shown;
    }
    also();
  }
  setTimeout(() => tick(also), 250);
}

/** Show why a session is where it is: each change with its reason, and the timeline. Resolves to its chat so far. */
export async function explain(session, mine) {
  const [{ changes, chat }, drawn] = await Promise.all([
    get(`/history/${encodeURIComponent(session)}?lang=${texts.language}`),
    get(`/timeline/${encodeURIComponent(session)}?lang=${texts.language}`),
  ]);
  if (!mine()) return chat;
  $("timeline").replaceChildren(document.importNode(new DOMParser().parseFromString(drawn, "image/svg+xml").documentElement, true));
  $("timeline").setAttribute("aria-label", translate("Timeline"));
  const whose = new Set(changes.map((one) => one.technician)).size > 1;
  $("history").replaceChildren(...changes.map((one) => el("li", {},
    el("span", { class: "figures quiet" }, `${time(one.at)} `), whose ? `${one.technician}: ` : "",
    el("b", {}, one.previous ? `${one.previous} → ${one.status}` : `${translate("new")}: ${one.status}`),
    el("br"), one.cause, one.setting ? ` (${one.setting} ${one.value})` : "",
    one.row ? el("div", { class: "quiet" }, `${translate("row")} ${one.row}: ${one.explained}`) : "")));
  return chat;
}
