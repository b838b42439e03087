/** The fold against the vectors that every language shares, and what it says midway. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  create,
  Fold,
  ProtocolError,
  type StreamGenerateResponse,
  StreamGenerateResponseSchema,
} from "../src/index.js";
import { eventsOf, foldOf, VECTORS, type Vector, WORKED, wireOf } from "./vectors.js";

function check(vector: Vector, events: readonly StreamGenerateResponse[]): void {
  const folded = () => {
    const fold = new Fold();
    for (const event of events) fold.feed(event);
    return fold.response;
  };
  if (vector.expect.error === undefined) assert.deepEqual(folded(), foldOf(vector));
  else assert.throws(folded, (error) => error instanceof ProtocolError && error.rule === vector.expect.error);
}

for (const vector of VECTORS) {
  test(`vector ${vector.name}`, () => check(vector, eventsOf(vector)));
  if (vector.wire === undefined) continue;
  test(`vector ${vector.name}, as bytes`, () => {
    assert.equal(vector.wire?.length, vector.events.length);
    check(vector, wireOf(vector));
  });
}

test("every rule has a vector", () => {
  const rules = new Set(VECTORS.map(({ expect }) => expect.error));
  const all = [undefined, "STARTED_FIRST", "SEQUENCE_WITHOUT_GAPS", "COMPLETED_LAST", "COMPLETED_MISSING"];
  assert.deepEqual(rules, new Set(all));
});

test("what has come so far grows and is not shared", () => {
  const fold = new Fold();
  const outputs = WORKED.map((event) => {
    fold.feed(event);
    return fold.soFar.output;
  });
  assert.deepEqual(outputs.slice(-5), ["", "47 + ", "47 + 38 = 85", "47 + 38 = 85", "47 + 38 = 85"]);
  fold.response.output = "another";
  assert.equal(fold.response.output, "47 + 38 = 85");
});

test("a response is refused before `completed`", () => {
  const fold = new Fold();
  for (const event of WORKED.slice(0, -1)) fold.feed(event);
  assert.throws(() => fold.response, { message: "the stream ended without `completed` (DATA_LOSS)" });
  assert.equal(fold.soFar.completed, undefined);
});

test("a broken rule leaves the fold as it was", () => {
  const fold = new Fold();
  for (const event of WORKED.slice(0, 12)) fold.feed(event);
  const stray = create(StreamGenerateResponseSchema, { sequence: 40, event: { case: "heartbeat", value: {} } });
  assert.throws(() => fold.feed(stray), /event 40 came where 12 was due/);
  for (const event of WORKED.slice(12)) fold.feed(event);
  assert.equal(fold.response.output, "47 + 38 = 85");
});
