/** The client over real sockets, through each door: streams, errors, retries, cancellation, deadlines. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { HealthCheckResponse_ServingStatus as Status } from "../src/gen/grpc/health/v1/health_pb.js";
import {
  type CallOptions,
  Client,
  create,
  ModelSchema,
  ProtocolError,
  ReasoningEffort,
  type RetryPolicy,
  StreamGenerateRequestSchema,
  type StreamGenerateResponse,
  type Transport,
  TriphaseError,
  user,
} from "../src/index.js";
import { grpcTransport } from "../src/node.js";
import { restTransport } from "../src/rest.js";
import { type Door, FakeGateway, failure, grpcDoor, restDoor, signal } from "./fake_gateway.js";
import { ERRORS, eventsOf, foldOf, VECTORS, vector, WORKED, wireOf } from "./vectors.js";

const UNAVAILABLE = failure(Code.Unavailable);
const QUICK: RetryPolicy = { attempts: 3, firstDelayS: 0.001, longestDelayS: 0.002 };
const ASKED = { model: "reference", prompt: "What is 47 + 38?" };

const DOORS: Record<string, [(gateway: FakeGateway) => Promise<Door>, (url: string) => Transport]> = {
  gRPC: [grpcDoor, grpcTransport],
  "server-sent events": [restDoor, restTransport],
  NDJSON: [restDoor, (url) => restTransport(`${url}/`, { streams: "ndjson" })],
};

async function collect(client: Client, options: CallOptions = {}): Promise<StreamGenerateResponse[]> {
  const events = [];
  for await (const event of client.stream(ASKED, options)) events.push(event);
  return events;
}

async function failed(promise: Promise<unknown>): Promise<TriphaseError> {
  const error = await promise.then(
    () => assert.fail("it did not fail"),
    (error) => error,
  );
  assert.ok(error instanceof TriphaseError, String(error));
  return error;
}

for (const [name, [open, transportTo]] of Object.entries(DOORS)) {
  describe(name, () => {
    let gateway: FakeGateway;
    let door: Door;
    let transport: Transport;
    let client: Client;
    // The door stays, and with it the connection; each test has a gateway of its own behind it.
    const behind = new Proxy({} as FakeGateway, {
      get: (_, member) => {
        const value = Reflect.get(gateway, member);
        return typeof value === "function" ? value.bind(gateway) : value;
      },
    });

    before(async () => {
      door = await open(behind);
      transport = transportTo(door.url);
    });
    beforeEach(() => {
      gateway = new FakeGateway();
      client = new Client(transport, { retry: QUICK });
    });
    after(() => door.close());

    test("streams the events as they are", async () => {
      gateway.script(WORKED);
      assert.deepEqual(await collect(client), WORKED);
    });

    test("events arrive while the stream is open", async () => {
      const goOn = signal();
      const [first, ...others] = WORKED as [StreamGenerateResponse, ...StreamGenerateResponse[]];
      gateway.script([first, goOn, ...others]);
      const events = client.stream(ASKED);
      assert.deepEqual((await events.next()).value, first);
      goOn.resolve();
      for (const event of others) assert.deepEqual((await events.next()).value, event);
      assert.equal((await events.next()).done, true);
    });

    for (const vector of VECTORS) {
      test(`vector ${vector.name}`, async () => {
        gateway.script(eventsOf(vector));
        if (vector.expect.error === undefined) {
          assert.deepEqual(await client.generate(ASKED), foldOf(vector));
        } else {
          const error = await failed(client.generate(ASKED));
          assert.ok(error instanceof ProtocolError);
          assert.equal(error.rule, vector.expect.error);
        }
      });
    }

    for (const { code, reason } of ERRORS.errors) {
      for (const midway of [false, true]) {
        test(`${reason}, ${midway ? "midway" : "at once"}`, async () => {
          const number = Code[codeKey(code)];
          gateway.script([...(midway ? WORKED.slice(0, 3) : []), failure(number, reason, "the words")]);
          const error = await failed(collect(new Client(transport, { retry: null })));
          assert.equal(error.message, `the words (${reason})`);
          assert.deepEqual([error.code, error.reason, error.midway], [code, reason, midway]);
        });
      }
    }

    test("a request from plain values", async () => {
      gateway.script(WORKED);
      const bounds = { maxReasoningTokens: 9, minimumReasoningTokens: 3 };
      const asked = { ...ASKED, effort: "low", temperature: 0, seed: 7, ...bounds } as const;
      assert.equal((await client.generate(asked)).output, "47 + 38 = 85");
      const [request] = gateway.requests;
      assert.equal(request?.model, "reference");
      assert.deepEqual(request.messages, [user("What is 47 + 38?")]);
      assert.equal(request.reasoning?.effort, ReasoningEffort.LOW);
      assert.deepEqual([request.reasoning.maxTokens, request.reasoning.minimumTokens], [9, 3]);
      assert.deepEqual([request.sampling?.temperature, request.sampling?.seed], [0, 7n]);
      assert.equal(request.sampling?.topP, undefined);
    });

    test("a request as it is", async () => {
      gateway.script(WORKED);
      const request = create(StreamGenerateRequestSchema, { model: "m", messages: [user("?")], maxOutputTokens: 7 });
      await client.generate(request);
      assert.deepEqual(gateway.requests, [request]);
    });

    test("headers go with every call", async () => {
      gateway.script(WORKED);
      await new Client(transport, { headers: { authorization: "Bearer key" } }).generate(ASKED);
      assert.equal(gateway.headers[0]?.get("authorization"), "Bearer key");
    });

    test("members that it does not know are ignored", async () => {
      const unknown = vector("unknown-member");
      gateway.script(wireOf(unknown));
      const events = await collect(client);
      assert.deepEqual(
        events.map(({ sequence }) => sequence),
        [...unknown.events.keys()],
      );
      assert.deepEqual(
        events.filter(({ event }) => event.case === undefined).map(({ sequence }) => sequence),
        [5],
      );
      gateway.script(wireOf(unknown));
      assert.equal((await client.generate(ASKED)).output, "85");
    });

    for (const sent of [1, 13]) {
      test(`a stream that ends after ${sent} events is an error`, async () => {
        gateway.script(WORKED.slice(0, sent));
        assert.match((await failed(collect(client))).message, /without `completed`/);
        assert.equal(gateway.requests.length, 1);
      });
    }

    test("a cut connection is no end", async () => {
      const received = signal();
      gateway.script([...WORKED.slice(0, 3), received, "cut", "forever"]);
      const events = client.stream(ASKED);
      for (const event of WORKED.slice(0, 3)) assert.deepEqual((await events.next()).value, event);
      received.resolve();
      const error = await failed(events.next());
      assert.deepEqual([error.code, error.midway], ["UNAVAILABLE", true]);
      assert.equal(gateway.requests.length, 1);
    });

    test("a connection that breaks before `started` is tried again", async () => {
      gateway.script(["cut", "forever"]);
      gateway.script(WORKED);
      assert.equal((await client.generate(ASKED)).output, "47 + 38 = 85");
      assert.equal(gateway.requests.length, 2);
    });

    test("repeats what found no gateway", async () => {
      gateway.refusals.push(UNAVAILABLE, UNAVAILABLE);
      gateway.script(WORKED);
      assert.equal((await client.generate(ASKED)).output, "47 + 38 = 85");
      assert.equal(gateway.requests.length, 3);
    });

    test("repeats a bounded number of times", async () => {
      gateway.refusals.push(...Array<typeof UNAVAILABLE>(9).fill(UNAVAILABLE));
      assert.equal((await failed(collect(client))).code, "UNAVAILABLE");
      assert.equal(gateway.requests.length, 3);
      await failed(client.models());
      assert.equal(gateway.refusals.length, 3);
    });

    test("never repeats after `started`", async () => {
      gateway.script([...WORKED.slice(0, 1), UNAVAILABLE]);
      gateway.script(WORKED);
      assert.equal((await failed(collect(client))).midway, true);
      assert.equal(gateway.requests.length, 1);
    });

    test("leaving the loop cancels the call", async () => {
      gateway.script([...WORKED.slice(0, 3), "forever"]);
      for await (const { event } of client.stream(ASKED)) if (event.case === "promptSummaryDelta") break;
      await gateway.cancelled;
    });

    for (const sent of [0, 3]) {
      test(`an aborted signal cancels the call, after ${sent} events`, async () => {
        gateway.script([...WORKED.slice(0, sent), "forever"]);
        const controller = new AbortController();
        const answer = client.generate(ASKED, { signal: controller.signal });
        await gateway.called;
        const reason = new Error("enough");
        controller.abort(reason);
        await assert.rejects(answer, (error) => error === reason);
        await gateway.cancelled;
      });
    }

    test("an aborted signal ends the waiting for another try", async () => {
      gateway.refusals.push(UNAVAILABLE);
      const patient = new Client(transport, { retry: { attempts: 2, firstDelayS: 3600, longestDelayS: 3600 } });
      const controller = new AbortController();
      const answer = patient.generate(ASKED, { signal: controller.signal });
      await gateway.called;
      controller.abort();
      await assert.rejects(answer, { name: "AbortError" });
    });

    test("a signal that is aborted already makes no call", async () => {
      await assert.rejects(client.generate(ASKED, { signal: AbortSignal.abort() }), { name: "AbortError" });
      assert.equal(gateway.requests.length, 0);
    });

    test("a deadline reaches the caller and the gateway", async () => {
      gateway.script([...WORKED.slice(0, 3), "forever"]);
      assert.equal((await failed(collect(client, { timeoutS: 0.3 }))).code, "DEADLINE_EXCEEDED");
      await gateway.cancelled;
      assert.match(gateway.headers[0]?.get("grpc-timeout") ?? "", /^(300|2\d\d)m$/);
    });

    test("retries keep to the deadline", async () => {
      gateway.refusals.push(UNAVAILABLE);
      const patient = new Client(transport, { retry: { attempts: 2, firstDelayS: 3600, longestDelayS: 3600 } });
      assert.equal((await failed(collect(patient, { timeoutS: 10 }))).code, "UNAVAILABLE");
    });

    test("a deadline in a month, or passed, is what it says", async () => {
      gateway.script(WORKED);
      await collect(client, { timeoutS: 30 * 24 * 3600 });
      assert.equal((await failed(collect(client, { timeoutS: 0 }))).code, "DEADLINE_EXCEEDED");
      assert.equal(gateway.requests.length, 1);
    });

    test("models and health", async () => {
      gateway.models = [create(ModelSchema, { name: "a" }), create(ModelSchema, { name: "b", reasons: true })];
      assert.deepEqual(await client.models(), gateway.models);
      assert.equal(await client.health(), "SERVING");
      gateway.state = Status.NOT_SERVING;
      assert.equal(await client.health(), "NOT_SERVING");
    });

    test("nobody listens", async () => {
      const gone = await open(gateway);
      await gone.close();
      const error = await failed(new Client(transportTo(gone.url), { retry: QUICK }).models());
      assert.deepEqual([error.code, error.reason], ["UNAVAILABLE", ""]);
    });
  });
}

function codeKey(name: string): keyof typeof Code {
  return name.toLowerCase().replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase()) as keyof typeof Code;
}
