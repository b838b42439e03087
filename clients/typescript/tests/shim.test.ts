/** The client through the real shim before a real gateway: `triphase-server serve --rest`, where Go is. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, Fold, TriphaseError } from "../src/index.js";
import { restTransport } from "../src/rest.js";
import { ROOT } from "./vectors.js";

const FREE = "127.0.0.1:0";
const SERVE = ["run", "--locked", "triphase-server", "serve", "--listen", FREE, "--rest", "--rest-listen", FREE];
const LISTENS = /triphase-rest is listening on (\S+)/;
const ASKED = { model: "reference", prompt: "What is 47 + 38?", temperature: 0 } as const;
const PATH = (process.env.PATH ?? "").split(":");
const HAS_GO = ["go", "triphase-rest"].some((name) => PATH.some((folder) => existsSync(join(folder, name))));
const NO_SHIM = !HAS_GO && process.env.CI !== "true" && "Go is not installed";

describe("the real shim", { skip: NO_SHIM, timeout: 110_000 }, () => {
  let server: ChildProcess;
  let url: string;

  before(async () => {
    server = spawn("uv", SERVE, { cwd: fileURLToPath(ROOT), stdio: ["ignore", "ignore", "pipe"] });
    assert.ok(server.stderr);
    for await (const line of createInterface({ input: server.stderr })) {
      url = LISTENS.exec(line)?.[1] ?? "";
      if (url) break;
    }
    assert.ok(url, "the shim did not start");
    server.stderr.resume();
  });
  after(async () => {
    const exited = once(server, "exit");
    if (server.kill("SIGTERM")) await exited;
  });

  for (const streams of ["sse", "ndjson"] as const) {
    test(`streams three phases by ${streams}, and their fold is the answer`, async () => {
      const client = new Client(restTransport(url, { streams }));
      const fold = new Fold();
      const opened: number[] = [];
      for await (const event of client.stream({ ...ASKED, effort: "high", includeRaw: true })) {
        fold.feed(event);
        if (event.event.case === "phaseStarted") opened.push(event.event.value.phase);
      }
      assert.deepEqual(opened, [1, 2, 3]);
      assert.equal(fold.response.promptSummary, "What is 47 + 38?");
      assert.ok(fold.response.reasoningSummary.length > 0 && fold.response.reasoning.length > 0);
      assert.equal(fold.response.output, "47 + 38 = 85");
    });
  }

  test("lists models, tells health, and refuses with reason and fields", async () => {
    const client = new Client(restTransport(url));
    assert.deepEqual(
      (await client.models()).map(({ name }) => name),
      ["reference"],
    );
    assert.equal(await client.health(), "SERVING");
    const wrong = await client.generate({ ...ASKED, temperature: 9 }).catch((error: unknown) => error);
    assert.ok(wrong instanceof TriphaseError);
    assert.deepEqual(
      [wrong.code, wrong.reason, wrong.violations.map(({ field }) => field)],
      ["INVALID_ARGUMENT", "CALLER_INVALID_REQUEST", ["sampling.temperature"]],
    );
  });

  test("a stream that its client leaves is cancelled, and the next one is answered", async () => {
    const client = new Client(restTransport(url));
    for await (const { event } of client.stream({ ...ASKED, effort: "high" })) if (event.case === "started") break;
    assert.equal((await client.generate(ASKED)).output, "47 + 38 = 85");
  });
});
