// The trainer's page: everybody's queue, exercise and progress, and what a trainer does for one person or for all.

import { $, announce, begin, chip, el, get, listen, paceOf, post, refill, texts, tick, translate, written } from "./common.js";

let queues = new Map();
let classes = [];
let titles = {};
let clock = null;

async function change(path, body) {
  const answer = await post(path, body);
  announce(answer.ok ? translate("done") : translate(answer.message), !answer.ok);
}

/** Do something for one person; without one, for everybody in the class. */
const act = (what, person, more = {}) => change("/class/act", { class: $("class").value, what, who: person ? [person.technician] : [], ...more });
const start = (person) => act("start", person, { row: $("row").value, predict: $("predict").checked });
const shown = () => classes.find((one) => one.class === $("class").value);

function drawPace() {
  if (clock?.now) $("pace").textContent = paceOf(clock);
}

function draw() {
  drawPace();
  $("none").hidden = classes.length > 0;
  $("controls").hidden = !classes.length;
  const names = classes.map((one) => one.class);
  if (JSON.stringify(names) !== JSON.stringify([...$("class").options].map((one) => one.value))) {
    const chosen = $("class").value;
    $("class").replaceChildren(...names.map((name) => el("option", { value: name }, name)));
    if (names.includes(chosen)) $("class").value = chosen;
  }
  for (const link of $("reports").children) link.href = `/class/report/${encodeURIComponent($("class").value)}/${link.dataset.what}?lang=${texts.language}`;
  refill($("people"), (shown()?.people ?? []).map(card));
}

function card(person) {
  const button = (what, text, pressed) => el("button", { "data-key": `${person.technician} ${what}`, onclick: pressed }, translate(text));
  const own = queues.get(person.technician);
  const queue = person.own_queue ? { ...own, entries: person.own_queue } : own;
  return el("article", { class: "card", "aria-label": person.person }, el("h3", {}, written(person.person)),
    el("p", { class: "quiet" }, `${person.technician === person.person ? "" : `${person.technician}, `}${presence(person, queue)}`),
    ...attempt(person),
    el("p", {}, progress(person)),
    person.trouble ? el("p", { class: "urgent" }, translate(person.trouble)) : null,
    el("ul", { class: "entries" }, ...(queue?.entries.length ? queue.entries.map((entry) => el("li", {}, el("b", {}, entry.session), " ", written(entry.customer), " ", chip(entry.status),
      " ", person.own_queue ? null : el("span", { class: "quiet figures", "data-since": entry.since }))) : [el("li", { class: "quiet" }, translate("The queue is empty."))])),
    el("div", { class: "switches" }, button("start", "Start the exercise", () => start(person)),
      person.attempt ? button("stop", "End the exercise", () => act("stop", person)) : null,
      button("new", "New customer", () => change("/computers", { name: "", pin: "", channel: `Web-${person.group}` })),
      button("off", "Pull the cable", () => act("off", person)), button("on", "Put the cable in", () => act("on", person)),
      button("reset", "End the sessions", () => act("reset", person)), button("code", "New code", () => act("code", person))));
}

function presence(person, queue) {
  if (!person.joined) return `${translate("has not joined")}, ${translate("code")} ${person.code}`;
  // During an exercise the coach has a console of this account, too.
  const isThere = person.watching || (!person.attempt && queue?.connected);
  return `${translate("has joined")}, ${translate(isThere ? "console connected" : "no console")}`;
}

function attempt({ attempt: one }) {
  if (!one) return [el("p", { class: "quiet" }, translate("no exercise"))];
  const isOver = one.phase === "over" || one.phase === "failed";
  const now = one.question ? "asked for a prediction" : one.phase === "preparing" ? "is being prepared" : one.is_turn ? "their turn" : "the others act";
  const result = one.phase === "failed" ? `${one.verdict} ${one.explanation}` : translate(one.solved ? "Solved." : "Not solved.");
  return [el("p", {}, el("b", {}, titles[one.exercise] ?? one.title)), el("p", { class: isOver && !one.solved ? "urgent" : null }, isOver ? result : translate(now)),
    el("p", { class: "quiet" }, `${translate("Wrong steps")}: ${one.wrong} · ${translate("Refused commands")}: ${one.refused} · ${translate("Hints")}: ${one.hints}`)];
}

const progress = ({ progress: found }) => `✓ ${found.solved} ${translate("solved")} · ? ${found["solved with help"]} ${translate("with help")} · ✗ ${found["not solved yet"]} ${translate("not solved")}`;

async function drawRows() {
  titles = await get("/class/exercises").catch(() => titles);
  const chosen = $("row").value;
  $("row").replaceChildren(...Object.entries(titles).sort(([a], [b]) => a - b).map(([row, title]) => el("option", { value: row }, title)));
  if (chosen) $("row").value = chosen;
  draw(); // with these titles
}

await begin(() => { draw(); drawRows(); });
const submit = (id, done) => $(id).addEventListener("submit", (event) => { event.preventDefault(); done(); });
submit("start", () => start(null));
$("class").addEventListener("change", draw);
$("stop").addEventListener("click", () => act("stop", null));
$("reset-all").addEventListener("click", () => act("reset", null));
submit("run", () => change("/clock", { what: "speed", value: $("speed").value }));
submit("pause", () => change("/clock", { what: "pause" }));
submit("advance", () => change("/clock", { what: "advance", value: $("by").value }));
await drawRows();
listen({
  snapshot: (state, lost) => { lost(!state.online); queues = new Map(state.queues.map((queue) => [queue.technician, queue])); draw(); },
  clock: (reading) => { clock = reading; drawPace(); },
  classes: (state) => { classes = state.classes; draw(); },
});
tick();
document.body.inert = false; // only now every button does something
