/** The client and a real gateway with its embedded engine: a child process that uv starts, on a free port. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client, Fold, type StreamGenerateResponse, TriphaseError } from "../src/index.js";
import { type GrpcTransport, grpcTransport } from "../src/node.js";
import { ROOT } from "./vectors.js";

const SERVE = ["run", "--locked", "triphase-server", "serve", "--listen", "127.0.0.1:0"];
const LISTENS = /listening on (127\.0\.0\.1:\d+)/;
const ASKED = { model: "reference", prompt: "What is 47 + 38?", temperature: 0 } as const;

describe("a real gateway", { timeout: 100_000 }, () => {
  let server: ChildProcess;
  let url: string;
  let transport: GrpcTransport;
  let client: Client;

  before(async () => {
    [server, url] = await serve();
    transport = grpcTransport(url);
    client = new Client(transport);
  });
  after(async () => {
    transport?.close();
    await stop(server);
  });

  test("is healthy, and says which models it has", async () => {
    assert.equal(await client.health(), "SERVING");
    assert.equal(await client.health("triphase.gateway.v1.GatewayService"), "SERVING");
    await assert.rejects(client.health("another"), { code: "NOT_FOUND" });
    assert.deepEqual(
      (await client.models()).map(({ name, reasons }) => [name, reasons]),
      [["reference", true]],
    );
  });

  test("streams three phases, and their fold is the answer", async () => {
    const fold = new Fold();
    const events: StreamGenerateResponse[] = [];
    for await (const event of client.stream({ ...ASKED, effort: "high", includeRaw: true })) {
      fold.feed(event);
      events.push(event);
    }
    const opened = events.flatMap(({ event }) => (event.case === "phaseStarted" ? [event.value.phase] : []));
    assert.deepEqual(opened, [1, 2, 3]);
    assert.equal(fold.response.promptSummary, "What is 47 + 38?");
    assert.ok(fold.response.reasoningSummary.length > 0);
    assert.ok(fold.response.reasoning.length > 0);
    assert.equal(fold.response.output, "47 + 38 = 85");
    assert.ok((fold.response.completed?.usage?.outputTokens ?? 0) > 0);
  });

  test("answers many at once over one connection", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.generate(ASKED)));
    assert.deepEqual(new Set(answers.map(({ output }) => output)), new Set(["47 + 38 = 85"]));
  });

  test("refuses with a reason, and names every field that is wrong", async () => {
    const unknown = await client.generate({ ...ASKED, model: "none" }).catch((error: unknown) => error);
    assert.ok(unknown instanceof TriphaseError);
    assert.deepEqual([unknown.code, unknown.reason], ["NOT_FOUND", "CALLER_UNKNOWN_MODEL"]);
    const wrong = await client.generate({ ...ASKED, temperature: 9, topP: 7 }).catch((error: unknown) => error);
    assert.ok(wrong instanceof TriphaseError);
    assert.equal(wrong.reason, "CALLER_INVALID_REQUEST");
    assert.deepEqual(
      wrong.violations.map(({ field }) => field),
      ["sampling.temperature", "sampling.top_p"],
    );
  });

  test("a stream that its client leaves is cancelled, and the connection goes on", async () => {
    for await (const { event } of client.stream({ ...ASKED, effort: "high" })) if (event.case === "started") break;
    assert.equal((await client.generate(ASKED)).output, "47 + 38 = 85");
  });

  test("the example runs", async () => {
    const example = fileURLToPath(new URL("../examples/ask.js", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [example, "What is 47 + 38?", url]);
    assert.match(stdout, /asked: What is 47 \+ 38\?\n(thinks: .*\n)+47 \+ 38 = 85\n\d+ tokens\n/);
  });

  test("a gateway that goes away is told clearly, and found again", async () => {
    const events = client.stream({ ...ASKED, effort: "high" });
    await events.next();
    await stop(server);
    await assert.rejects(client.models(), { code: "UNAVAILABLE", midway: false });
    [server, url] = await serve(new URL(url).host);
    assert.equal((await client.generate(ASKED)).output, "47 + 38 = 85");
  });
});

async function serve(listen = "127.0.0.1:0"): Promise<[ChildProcess, string]> {
  const command = [...SERVE.slice(0, -1), listen];
  const server = spawn("uv", command, { cwd: fileURLToPath(ROOT), stdio: ["ignore", "ignore", "pipe"] });
  const lines: string[] = [];
  for await (const line of createInterface({ input: server.stderr })) {
    lines.push(line);
    const address = LISTENS.exec(line)?.[1];
    if (address === undefined) continue;
    server.stderr.resume();
    return [server, `http://${address}`];
  }
  throw new Error(`the gateway did not start\n${lines.join("\n")}`);
}

async function stop(server: ChildProcess | undefined): Promise<void> {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, "exit");
  server.kill("SIGTERM");
  await exited;
}
