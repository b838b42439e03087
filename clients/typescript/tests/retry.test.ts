/** Which failures are repeated, when, and until when. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorFacts, TriphaseError } from "../src/index.js";
import { delayS, NO_RETRY, type RetryPolicy, Tries } from "../src/retry.js";

const POLICY: RetryPolicy = { attempts: 4, firstDelayS: 0.5, longestDelayS: 1.5 };

function unavailable(facts: Partial<ErrorFacts> = {}): TriphaseError {
  return new TriphaseError("gone", { code: "UNAVAILABLE", ...facts });
}

test("delays double up to the longest, and are moved by a fifth at most", () => {
  const rows: [number, number, number | undefined][] = [
    [1, 0.5, 0.5],
    [2, 0.5, 1.0],
    [3, 0.5, 1.5],
    [1, 0.0, 0.4],
    [1, 1.0, 0.6],
    [4, 0.5, undefined],
    [5, 0.5, undefined],
  ];
  for (const [tried, draw, expected] of rows) {
    const actual = delayS(POLICY, unavailable(), tried, draw);
    if (expected === undefined) assert.equal(actual, undefined);
    else assert.ok(Math.abs((actual ?? 0) - expected) < 1e-9, `${tried} ${draw}: ${actual}`);
  }
});

test("only what found no gateway is repeated", () => {
  const repeats = (facts: Partial<ErrorFacts>) => delayS(POLICY, unavailable(facts), 1, 0.5) !== undefined;
  assert.ok(repeats({}));
  assert.ok(repeats({ reason: "GATEWAY_SHUTTING_DOWN" }));
  assert.ok(!repeats({ reason: "UPSTREAM_UNREACHABLE" }));
  assert.ok(!repeats({ reason: "UPSTREAM_OVERLOADED" }));
  assert.ok(!repeats({ midway: true }));
  for (const code of ["ABORTED", "INTERNAL", "RESOURCE_EXHAUSTED", "UNKNOWN", "DEADLINE_EXCEEDED"] as const) {
    assert.ok(!repeats({ code }), code);
  }
});

test("what the gateway asks is held, and believed where it is long", () => {
  const asked = (retryAfterS: number) => delayS(POLICY, unavailable({ retryAfterS }), 1, 0.5);
  assert.deepEqual([asked(0.1), asked(1.2), asked(1.6)], [0.5, 1.2, undefined]);
});

test("no retry", () => assert.equal(delayS(NO_RETRY, unavailable(), 1, 0.5), undefined));

test("tries share one deadline", () => {
  const tries = new Tries(POLICY, 2, 100, () => 0.5);
  assert.equal(tries.leftS(100), 2);
  assert.equal(tries.pauseS(unavailable(), 100.5), 0.5);
  assert.equal(tries.leftS(101), 1);
  const late = unavailable();
  assert.throws(() => tries.pauseS(late, 101), late); // 1.0 s of delay leaves nothing to call in
  assert.throws(() => tries.leftS(102), { code: "DEADLINE_EXCEEDED" });
});

test("without a deadline", () => {
  assert.equal(new Tries(NO_RETRY, undefined, 0).leftS(1e9), Number.POSITIVE_INFINITY);
  assert.throws(() => new Tries(NO_RETRY, Number.NaN, 0), RangeError);
});
