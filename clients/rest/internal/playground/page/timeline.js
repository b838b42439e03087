// The timeline: a lane for each phase, a bar for each time it was open, a tick for each delta, the first one thick.
const LANES = ["PHASE_PROMPT_SUMMARY", "PHASE_REASONING_SUMMARY", "PHASE_FINAL_OUTPUT"];
const NAMES = ["Prompt summary", "Reasoning summary", "Output"];
const WIDTH = 1000;
const LANE = 40;

export const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

function node(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function ticks(marks, x, top, height) {
  return marks.map((at) => `M${x(at)} ${top}v${height}`).join("");
}

export function draw(svg, answer, now) {
  const end = Math.max(now, 1);
  const x = (at) => ((at / end) * WIDTH).toFixed(2);
  const drawn = LANES.map((_, lane) => node("line", { class: "axis", x1: 0, x2: WIDTH, y1: (lane + 1) * LANE, y2: (lane + 1) * LANE }));
  for (const { phase, from, to, marks } of answer.spans) {
    const top = LANES.indexOf(phase) * LANE;
    if (top < 0) continue;
    const width = Math.max(((to ?? now) - from) / end * WIDTH, 2);
    drawn.push(node("rect", { class: `bar ${phase}`, x: x(from), y: top + 6, width, height: LANE - 6 }));
    drawn.push(node("path", { class: `mark ${phase}`, d: ticks(marks, x, top + 14, LANE - 14) }));
    drawn.push(node("path", { class: `first ${phase}`, d: ticks(marks.slice(0, 1), x, top + 4, LANE - 4) }));
  }
  drawn.push(node("path", { class: "heartbeat", d: ticks(answer.heartbeats, x, 0, LANES.length * LANE) }));
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${LANES.length * LANE + 2}`);
  svg.replaceChildren(...drawn);
}

function gap(span, now) {
  const times = [span.from, ...span.marks, span.to ?? now];
  return Math.max(...times.slice(1).map((at, index) => at - times[index]));
}

// The rows of the table that says the same in figures.
export function rows(answer, now) {
  return answer.spans.map((span) => [
    NAMES[LANES.indexOf(span.phase)] ?? span.phase,
    seconds(span.from),
    span.marks.length ? seconds(span.marks[0]) : "–",
    seconds((span.to ?? now) - span.from),
    String(span.marks.length),
    seconds(gap(span, now)),
  ]);
}
