// The page: what is asked, what is shown of the answer, and who may stop it.
import { LANGUAGES } from "./code.js";
import { Answer, frames, told } from "./stream.js";
import { draw, rows, seconds } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const stream = "/triphase/v1/stream";
let running = null; // the AbortController of the answer under way
let events = [];
let models = new Map();

function request() {
  const reasoning = {};
  if ($("effort").value) reasoning.effort = $("effort").value;
  if ($("summary").value) reasoning.summary = `SUMMARY_DETAIL_${$("summary").value.toUpperCase()}`;
  if ($("raw").checked) reasoning.includeRaw = true;
  const asked = { model: $("model").value, messages: [{ role: "ROLE_USER", content: [{ text: $("prompt").value }] }] };
  return Object.keys(reasoning).length ? { ...asked, reasoning } : asked;
}

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

function chooseModel() {
  const efforts = models.get($("model").value)?.efforts ?? [];
  const named = efforts.map((effort) => option(effort, effort.replace("REASONING_EFFORT_", "").toLowerCase()));
  $("effort").replaceChildren(option("", "the model's default"), ...named);
  showCode();
}

async function loadModels() {
  try {
    const answer = await fetch("/triphase/v1/models");
    const body = await answer.json();
    if (!answer.ok) throw new Error(told(body));
    models = new Map((body.models ?? []).map((model) => [model.name, model]));
    $("model").replaceChildren(...[...models.keys()].map((name) => option(name, name)));
    chooseModel();
  } catch (error) {
    fail(`The models cannot be listed: ${error.message}`);
  }
}

function fail(text) {
  $("error").textContent = text;
  $("error").hidden = !text;
}

function list(target, items) {
  // Nodes that stand already are kept, so that what is read aloud or selected is not torn away.
  items.forEach(({ text, replaced }, index) => {
    const item = target.children[index] ?? target.appendChild(document.createElement("li"));
    if (item.textContent !== text) item.textContent = text;
    item.classList.toggle("replaced", Boolean(replaced));
  });
  while (target.children.length > items.length) target.lastChild.remove();
}

function phases(answer, now) {
  for (const section of document.querySelectorAll("[data-phase]")) {
    const spans = answer.spans.filter(({ phase }) => phase === section.dataset.phase);
    const lasted = spans.reduce((sum, { from, to }) => sum + (to ?? now) - from, 0);
    section.classList.toggle("open", spans.some(({ to }) => to === null));
    section.querySelector("small").textContent = spans.length ? seconds(lasted) : "";
  }
}

function show(answer, now) {
  $("prompt-summary").textContent = answer.prompt;
  list($("reasoning-summary"), [...answer.parts.values()]);
  $("raw-thoughts").hidden = !answer.reasoning;
  $("reasoning").textContent = answer.reasoning;
  $("output").textContent = answer.output;
  list($("tools"), answer.calls.filter(Boolean).map((call) => ({ text: `${call.name}(${call.arguments})` })));
  phases(answer, now);
  draw($("timeline"), answer, now);
  $("timeline-end").textContent = seconds(now);
  const table = rows(answer, now).map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    return row;
  });
  $("times").tBodies[0].replaceChildren(...table);
  $("event-count").textContent = answer.count;
  showEvents();
}

function showEvents() {
  if ($("events").open) $("event-list").textContent = events.map((event) => JSON.stringify(event)).join("\n");
}

function showUsage(answer) {
  const { usage = {}, timings = {}, finishReason = "", deployment = "", model = "", attempts = 0 } = answer.completed;
  const guess = (estimated) => (estimated ? " (estimated)" : "");
  const facts = {
    "Input tokens": `${usage.inputTokens ?? 0}${guess(usage.estimated)}, ${usage.cachedTokens ?? 0} of them cached`,
    "Output tokens": `${usage.outputTokens ?? 0}${guess(usage.estimated)}`,
    "Reasoning tokens": `${usage.reasoningTokens ?? 0}${guess(usage.reasoningEstimated)}`,
    "Finished": finishReason.replace("FINISH_REASON_", "").toLowerCase(),
    "Answered by": `${model} at ${deployment}, attempt ${attempts}`,
    "First thought": timings.firstReasoning ?? "–",
    "First output": timings.firstOutput ?? "–",
    "Total": timings.total ?? "–",
  };
  $("usage").replaceChildren(...Object.entries(facts).flatMap(([name, text]) => [
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: text }),
  ]));
}

function doing(answer) {
  if (answer.waiting) return `Waiting on ${answer.waiting}…`;
  const names = { PHASE_PROMPT_SUMMARY: "Reading the question…", PHASE_REASONING_SUMMARY: "Thinking…", PHASE_FINAL_OUTPUT: "Answering…" };
  return names[answer.open?.phase] ?? "Asking…";
}

function say(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

async function take(answer, began, signal) {
  const response = await fetch(stream, {
    method: "POST", signal, body: JSON.stringify(request()),
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
  });
  if (!response.ok) throw new Error(told(await response.json()));
  for await (const frame of frames(response.body)) {
    if (frame.error) throw new Error(told(frame.error));
    events.push(frame.result);
    answer.feed(frame.result, performance.now() - began);
    say(answer.completed ? "Done." : doing(answer));
  }
}

function cut(answer) {
  return answer.count
    ? `The connection was cut after ${answer.count} events: this answer is not whole.`
    : "No connection: nothing answers there.";
}

async function ask() {
  if (running || !$("prompt").value.trim()) return;
  const answer = new Answer();
  const began = performance.now();
  const now = () => performance.now() - began;
  running = new AbortController();
  const { signal } = running;
  events = [];
  fail("");
  $("usage").replaceChildren();
  $("send").disabled = true;
  $("cancel").disabled = false;
  say("Asking…");
  let frame = requestAnimationFrame(function paint() {
    show(answer, now());
    frame = requestAnimationFrame(paint);
  });
  try {
    await take(answer, began, signal);
    if (answer.completed) showUsage(answer);
    else fail(cut(answer));
  } catch (error) {
    // A TypeError is all that fetch tells of a network that failed.
    if (!signal.aborted) fail(error instanceof TypeError ? cut(answer) : error.message);
  }
  cancelAnimationFrame(frame);
  for (const span of answer.spans) span.to ??= now();
  if (!answer.completed) say(signal.aborted ? `Cancelled after ${answer.count} events.` : "Failed.");
  running = null;
  $("send").disabled = false;
  $("cancel").disabled = true;
  show(answer, Math.max(...answer.spans.map(({ to }) => to), 1));
}

function showCode() {
  $("snippet").textContent = LANGUAGES[$("language").value](request(), location.origin);
  $("copied").textContent = "";
}

async function copy() {
  try {
    await navigator.clipboard.writeText($("snippet").textContent);
    $("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren($("snippet")); // without leave, or not on a secure origin
    $("copied").textContent = "Selected: copy it with the keyboard.";
  }
}

function theme(chosen) {
  document.documentElement.dataset.theme = chosen;
  $("theme").value = chosen;
  localStorage.setItem("theme", chosen);
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
$("cancel").addEventListener("click", () => running?.abort());
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask();
  if (event.key === "Escape") running?.abort();
});
$("events").addEventListener("toggle", showEvents);
$("model").addEventListener("change", chooseModel);
for (const id of ["effort", "summary", "raw", "prompt", "language"]) $(id).addEventListener("input", showCode);
$("copy").addEventListener("click", copy);
$("theme").addEventListener("change", () => theme($("theme").value));
theme(localStorage.getItem("theme") ?? "");
loadModels();
