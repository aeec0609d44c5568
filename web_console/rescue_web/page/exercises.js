// Exercises: choose a row, see the task and what happens, get hints, predict, and the result with the row's text.

import { $, announce, el, get, post, refill, translate } from "./common.js";

let shown = null;
let rows = [];

async function act(body) {
  const answer = await post("/exercise", body);
  announce(answer.ok ? "" : answer.message, !answer.ok);
  return answer.ok;
}

async function begin(body) {
  $("exercise-controls").inert = true;
  announce(translate("The others prepare the session …"));
  await act({ ...body, ...($("predict").checked ? { predict: true } : {}) });
  $("exercise-controls").inert = false;
  await list();
}

/** Load which exercises there are, and which are solved. */
async function list() {
  try {
    rows = (await get("/exercises")).exercises;
  } catch (error) {
    announce(error.message, true);
  }
  const chosen = shown?.exercise ?? $("row").value;
  $("row").replaceChildren(...rows.map((one) => el("option", { value: one.exercise }, `${one.solved ? "✓" : "\u2007"} ${one.title}`)));
  const unsolved = rows.find((one) => !one.solved);
  $("row").value = chosen || unsolved?.exercise || "1";
}

export async function toggleExercises(open = $("exercise").hidden) {
  if (!open && shown) return announce(translate("End the exercise first."), true);
  $("exercise").hidden = !open;
  $("exercises").setAttribute("aria-expanded", String(open));
  if (!open) return undefined;
  await list();
  return $("row").focus();
}

/** Show how an exercise stands; null if none is done. */
export function showExercise(state) {
  const ended = shown && !state;
  if (state && state.exercise !== shown?.exercise) $("row").value = state.exercise; // a trainer may have chosen it
  shown = state;
  if (state && $("exercise").hidden) toggleExercises(true);
  draw();
  if (ended && !$("exercise").hidden) list();
}

export const exerciseConsole = () => shown?.console ?? "";
export const exerciseAccount = () => shown?.account ?? "";

function draw() {
  $("attempt").hidden = !shown;
  $("stop-exercise").hidden = !shown;
  if (!shown) return;
  const isOver = shown.phase === "over" || shown.phase === "failed";
  $("task").textContent = shown.task || shown.title;
  $("lines").replaceChildren(...shown.lines.map((line) => el("p", { "data-kind": line.kind }, line.text)));
  $("lines").scrollTop = $("lines").scrollHeight;
  drawQuestion();
  refill($("help-buttons"), isOver || shown.phase === "preparing" ? [] : [
    el("button", { "data-key": "hint", "aria-disabled": String(!shown.is_turn), onclick: () => act({ what: "hint" }) }, translate("Hint")),
  ]);
  $("counted").textContent = shown.phase === "preparing" ? "" : [
    `${translate("Wrong steps")}: ${shown.wrong}`, `${translate("Refused commands")}: ${shown.refused}`, `${translate("Hints")}: ${shown.hints}`,
    ...(shown.questions ? [`${translate("Predictions")}: ${shown.right}/${shown.questions}`] : []),
  ].join(" · ");
  const result = `${shown.verdict} ${shown.explanation}`.trim();
  if ($("result").textContent !== result) $("result").textContent = result;
  $("result").className = shown.solved ? "good" : "urgent";
}

function drawQuestion() {
  $("question").hidden = !shown.question;
  if ($("question").hidden || $("question-text").textContent === shown.question) return;
  $("question-text").textContent = shown.question;
  $("prediction").replaceChildren(...shown.choices.map((choice) => el("option", {}, choice)));
  $("prediction").focus();
}

/** Serve the panel. */
export function serveExercises() {
  const submit = (id, done) => $(id).addEventListener("submit", (event) => { event.preventDefault(); done(); });
  $("exercises").addEventListener("click", () => toggleExercises());
  submit("exercise-controls", () => begin({ what: "start", row: $("row").value }));
  $("next-exercise").addEventListener("click", () => begin({ what: "next" }));
  $("stop-exercise").addEventListener("click", () => act({ what: "stop" }));
  submit("question", () => { $("question-text").textContent = ""; act({ what: "answer", text: $("prediction").value }); });
}

export const redrawExercises = () => { draw(); if (!$("exercise").hidden) list(); };
