/** Failed HTTP responses, the shim's own and those of whatever stands before it, as the client's errors. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { Client, type Transport, TriphaseError } from "../src/index.js";
import { restTransport } from "../src/rest.js";
import { type Door, listening } from "./fake_gateway.js";
import { foldOf, vector } from "./vectors.js";

const GOOGLE = "type.googleapis.com/google.rpc";
const FULL = {
  code: 3,
  message: "invalid request",
  details: [
    { "@type": `${GOOGLE}.ErrorInfo`, reason: "CALLER_INVALID_REQUEST", domain: "triphase", metadata: { route: "r" } },
    { "@type": `${GOOGLE}.RetryInfo`, retryDelay: "1.500s", another: true },
    { "@type": `${GOOGLE}.BadRequest`, fieldViolations: [{ field: "model", description: "is required" }] },
    { "@type": `${GOOGLE}.DebugInfo`, detail: "not read" },
  ],
};

const unknown = vector("unknown-member");

describe("a response", () => {
  let door: Door;
  let transport: Transport;
  let next = { status: 200, type: "application/json", body: "" };

  before(async () => {
    const server = createServer((_, response) => {
      response.writeHead(next.status, { "Content-Type": next.type }).end(next.body);
    });
    door = await listening(server, () => server.closeAllConnections());
    transport = restTransport(door.url);
  });
  after(() => door.close());

  async function failed(status: number, body: unknown, type = "application/json"): Promise<TriphaseError> {
    next = { status, type, body: typeof body === "string" ? body : JSON.stringify(body) };
    const answer = new Client(transport, { retry: null }).generate({ model: "m", prompt: "?" });
    return await answer.then(
      () => assert.fail("it did not fail"),
      (error) => error,
    );
  }

  for (const [where, body] of [
    ["alone", FULL],
    ["as an error frame", { error: FULL }],
    ["as an event", `data: ${JSON.stringify(FULL)}\n\n`],
  ] as const) {
    test(`every detail is read, ${where}`, async () => {
      const error = await failed(400, body);
      assert.ok(error instanceof TriphaseError);
      assert.deepEqual(
        [error.code, error.reason, error.retryAfterS],
        ["INVALID_ARGUMENT", "CALLER_INVALID_REQUEST", 1.5],
      );
      assert.deepEqual(error.metadata, { route: "r" });
      assert.deepEqual(error.violations, [{ field: "model", description: "is required" }]);
      assert.equal(error.rawMessage, "invalid request");
    });
  }

  test("malformed details leave the code and the message", async () => {
    const details = [7, { "@type": `${GOOGLE}.ErrorInfo`, reason: 7 }, { "@type": 7 }, null];
    const error = await failed(404, { code: 5, message: "none", details });
    assert.deepEqual([error.message, error.code, error.reason], ["none (NOT_FOUND)", "NOT_FOUND", ""]);
  });

  const PROXIES: [number, string, string][] = [
    [401, "UNAUTHENTICATED", "<html>"],
    [403, "PERMISSION_DENIED", ""],
    [404, "UNIMPLEMENTED", '{"detail":"not found"}'],
    [413, "UNKNOWN", "[]"],
    [429, "UNAVAILABLE", "null"],
    [502, "UNAVAILABLE", "<html>"],
    [503, "UNAVAILABLE", '{"code":"14"}'],
    [504, "UNAVAILABLE", '{"code":99}'],
  ];
  for (const [status, code, body] of PROXIES) {
    test(`HTTP ${status} of a proxy is ${code}`, async () => {
      const error = await failed(status, body, "text/html");
      assert.deepEqual([error.code, error.message], [code, `HTTP ${status} (${code})`]);
    });
  }

  test("members that it does not know, as JSON, are ignored", async () => {
    const body = unknown.events.map((event) => `${JSON.stringify({ result: event })}\n`).join("");
    next = { status: 200, type: "application/x-ndjson", body };
    const answer = await new Client(transport).generate({ model: "m", prompt: "?" });
    assert.deepEqual(answer, foldOf(unknown));
  });

  const BROKEN: [string, string, string, RegExp][] = [
    ["a page", "text/html", "<html>\n", /not JSON \(DATA_LOSS\)/],
    ["a number", "application/x-ndjson", "7\n", /holds no StreamGenerateResponse \(DATA_LOSS\)/],
    [
      "a member of the wrong type",
      "application/x-ndjson",
      '{"result":{"sequence":"x"}}\n',
      /holds no StreamGenerateRes/,
    ],
    ["an error that is no status", "application/x-ndjson", '{"error":{"a":1}}\n', /the stream failed \(UNKNOWN\)/],
    ["a bare status", "text/event-stream", 'data: {"code":14,"message":"gone"}\n\n', /gone \(UNAVAILABLE\)/],
    ["half a line", "application/x-ndjson", '{"result":', /ended within a frame \(UNAVAILABLE\)/],
    ["nothing", "application/x-ndjson", "", /without `completed` \(DATA_LOSS\)/],
  ];
  for (const [what, type, body, message] of BROKEN) {
    test(`${what} where a stream should be`, async () =>
      assert.match((await failed(200, body, type)).message, message));
  }
});
