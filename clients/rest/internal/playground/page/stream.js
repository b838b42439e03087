// A stream of the gateway over HTTP, and what it comes to. Nothing here knows the page.

// Reads server-sent events: yields the data of each, as JSON. Lines end in \n here, as this server writes them.
export async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
    }
  }
}

// What went wrong, in words for a person; `status` is google.rpc.Status as JSON.
export function told(status) {
  const info = (status.details ?? []).find((detail) => detail.reason);
  const fields = (status.details ?? []).flatMap((detail) => detail.fieldViolations ?? []);
  const wrong = fields.map(({ field, description }) => `${field}: ${description}`);
  return [[status.message || "The request failed", info && `(${info.reason})`].filter(Boolean).join(" "), ...wrong].join(". ");
}

// An answer as it grows. `at` is milliseconds since it was asked for.
export class Answer {
  constructor() {
    this.prompt = "";
    this.parts = new Map();
    this.reasoning = "";
    this.output = "";
    this.calls = [];
    this.spans = []; // phases: {phase, from, to, marks}
    this.heartbeats = [];
    this.count = 0;
    this.started = null;
    this.completed = null;
    this.waiting = "";
  }

  get open() {
    return this.spans.find((span) => span.to === null) ?? null;
  }

  feed(event, at) {
    const due = this.count++;
    if ((event.sequence ?? 0) !== due) throw new Error(`event ${event.sequence ?? 0} came where ${due} was due`);
    for (const name of Object.keys(event)) this[`on_${name}`]?.(event[name], at);
  }

  mark(at) {
    this.waiting = "";
    this.open?.marks.push(at);
  }

  on_started(started) {
    this.started = started;
  }

  on_phaseStarted({ phase }, at) {
    this.spans.push({ phase, from: at, to: null, marks: [] });
  }

  on_phaseCompleted(_, at) {
    if (this.open) this.open.to = at;
  }

  on_promptSummaryDelta({ text }, at) {
    this.prompt += text;
    this.mark(at);
  }

  on_reasoningSummaryDelta({ partIndex = 0, text, replacesPartIndex }, at) {
    const part = this.parts.get(partIndex) ?? { text: "", replaced: false };
    part.text += text;
    this.parts.set(partIndex, part);
    if (replacesPartIndex !== undefined && this.parts.has(replacesPartIndex)) this.parts.get(replacesPartIndex).replaced = true;
    this.mark(at);
  }

  on_reasoningDelta({ text }, at) {
    this.reasoning += text;
    this.mark(at);
  }

  on_outputDelta({ text }, at) {
    this.output += text;
    this.mark(at);
  }

  on_toolCallDelta({ index = 0, id, name, arguments: more = "" }, at) {
    this.calls[index] ??= { id, name, arguments: "" };
    this.calls[index].arguments += more;
    this.mark(at);
  }

  on_heartbeat({ waitingOn = "" }, at) {
    this.heartbeats.push(at);
    this.waiting = waitingOn.replace("WAITING_ON_", "").replaceAll("_", " ").toLowerCase();
  }

  on_completed(completed, at) {
    this.completed = completed;
    if (this.open) this.open.to = at;
  }
}
