/** How bytes become frames, cut anywhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { framesOf, MAX_FRAME_CHARACTERS } from "../src/rest_frames.js";

const SSE = "text/event-stream; charset=utf-8";
const NDJSON = "application/x-ndjson";
const WORLD = 'é € 👩‍👩‍👧 "\u2028"';

function cut(contentType: string, text: string, size: number): string[] {
  const frames = framesOf(contentType);
  const bytes = new TextEncoder().encode(text);
  const found = [];
  for (let at = 0; at < bytes.length; at += size) found.push(...frames.feed(bytes.subarray(at, at + size)));
  frames.close();
  return found;
}

const ROWS: [what: string, contentType: string, text: string, expected: string[]][] = [
  ["lines", NDJSON, `{"a":1}\n{"b":"${WORLD}"}\n`, ['{"a":1}', `{"b":"${WORLD}"}`]],
  ["lines of another system, and empty ones", NDJSON, '{"a":1}\r\n\r\n\n{"b":2}\n', ['{"a":1}', '{"b":2}']],
  ["events", SSE, `id: 0\ndata: {"a":1}\n\nid: 1\ndata:{"b":"${WORLD}"}\n\n`, ['{"a":1}', `{"b":"${WORLD}"}`]],
  ["events of another system", SSE, 'id: 0\r\ndata: {"a":1}\r\n\r\ndata: x\r\r', ['{"a":1}', "x"]],
  ["an event of several lines of another system", SSE, "data: {\r\ndata: }\r\n\r\n", ["{\n}"]],
  ["an event of several lines", SSE, "data: {\ndata: }\n\n", ["{\n}"]],
  ["comments, other fields, and events without data", SSE, ": ping\n\nevent: error\nretry: 1\ndata\n\nid: 3\n\n", [""]],
  ["a value with colons", SSE, "data: a: b\n\n", ["a: b"]],
];

for (const [what, contentType, text, expected] of ROWS) {
  test(`${what}, cut anywhere`, () => {
    // A comment at the end tells that a CR before it was a whole line end.
    const whole = contentType === SSE ? `${text}:\n` : text;
    for (let size = 1; size <= 20; size += 1) assert.deepEqual(cut(contentType, whole, size), expected);
  });
}

test("a response that ends within a frame is no end", () => {
  for (const [contentType, text] of [
    [NDJSON, '{"a":1}\n{"b'],
    [SSE, "data: x\n"],
    [SSE, "data"],
  ] as const) {
    assert.throws(() => cut(contentType, text, 3), /the response ended within a frame/);
  }
});

test("bytes that are no text are refused", () => {
  assert.throws(() => framesOf(NDJSON).feed(Uint8Array.of(0x7b, 0xff, 0x0a)), /not UTF-8/);
});

test("what is held back has a bound", () => {
  const megabyte = new TextEncoder().encode("x".repeat(2 ** 20));
  const line = new TextEncoder().encode(`data: ${"x".repeat(2 ** 20)}\n`);
  for (const [contentType, bytes] of [
    [NDJSON, megabyte],
    [SSE, line],
  ] as const) {
    const frames = framesOf(contentType);
    const feed = () => {
      for (let fed = 0; fed <= MAX_FRAME_CHARACTERS; fed += 2 ** 20) frames.feed(bytes);
    };
    assert.throws(feed, /a frame is too large/);
  }
});
