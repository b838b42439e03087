/** The client in a real browser: Chromium loads it as it is, without a bundler, and asks a fake shim. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Code } from "@connectrpc/connect";
import { answer, FakeGateway, failure, listening } from "./fake_gateway.js";
import { vector, WORKED, wireOf } from "./vectors.js";

const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"]
  .flatMap((name) => (process.env.PATH ?? "").split(":").map((folder) => join(folder, name)))
  .find((path) => existsSync(path));
const NO_BROWSER = CHROMIUM === undefined && process.env.CI !== "true" && "no Chromium is installed";

const CONNECT = "/node_modules/@connectrpc/connect/dist/esm";
const PROTOBUF = "/node_modules/@bufbuild/protobuf/dist/esm";
const IMPORTS = {
  "@connectrpc/connect": `${CONNECT}/index.js`,
  "@connectrpc/connect/protocol": `${CONNECT}/protocol/index.js`,
  "@bufbuild/protobuf": `${PROTOBUF}/index.js`,
  ...Object.fromEntries(
    ["codegenv2", "reflect", "wire", "wkt"].map((part) => [
      `@bufbuild/protobuf/${part}`,
      `${PROTOBUF}/${part}/index.js`,
    ]),
  ),
};
const PAGE = `<!doctype html><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">
const told = {};
try {
  const { Client } = await import("/build/src/index.js");
  const { restTransport } = await import("/build/src/rest.js");
  const asked = { model: "reference", prompt: "?" };
  for (const streams of ["sse", "ndjson"]) {
    const client = new Client(restTransport("", { streams }), { retry: null });
    const cases = [];
    for await (const { event } of client.stream(asked)) cases.push(event.case ?? null);
    const failed = await client.generate(asked).catch((error) => error);
    const unknown = await client.generate(asked);
    for await (const _ of client.stream(asked, { timeoutS: 60 })) break;
    const models = await client.models();
    told[streams] = [cases, failed.reason, failed.midway, unknown.output, models[0].name, await client.health()];
  }
} catch (error) { told.error = String(error?.stack ?? error); }
await fetch("/told", { method: "POST", body: JSON.stringify(told) });
</script>`;

test("a browser streams, fails and cancels", { skip: NO_BROWSER, timeout: 60_000 }, async () => {
  assert.ok(CHROMIUM, "no Chromium is installed");
  const gateway = new FakeGateway();
  for (let streams = 0; streams < 2; streams += 1) {
    gateway.script(WORKED);
    gateway.script([...WORKED.slice(0, 3), failure(Code.Unavailable, "UPSTREAM_TRUNCATED")]);
    gateway.script(wireOf(vector("unknown-member")));
    gateway.script([...WORKED.slice(0, 2), "forever"]);
  }
  let tell: (told: unknown) => void;
  const told = new Promise<unknown>((resolve) => {
    tell = resolve;
  });
  const server = createServer((request, response) => {
    if (request.url === "/told") void body(request).then((text) => tell(JSON.parse(text)));
    else if (/^\/(triphase|healthz)/.test(request.url ?? "")) void answer(gateway, request, response);
    else void page(request, response);
  });
  const door = await listening(server, () => server.closeAllConnections());
  const profile = await mkdtemp(join(tmpdir(), "triphase-browser-"));
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
  const browser = spawn(CHROMIUM, [...flags, "--remote-debugging-port=0", `--user-data-dir=${profile}`, door.url], {
    stdio: "ignore",
  });
  try {
    const expected = [WORKED.map(({ event }) => event.case), "UPSTREAM_TRUNCATED", true, "85", "reference", "SERVING"];
    assert.deepEqual(await told, { sse: expected, ndjson: expected });
    await gateway.cancelled;
  } finally {
    const exited = once(browser, "exit");
    if (browser.kill("SIGTERM")) await exited;
    await door.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});

async function page({ url = "/" }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (url === "/") return void response.setHeader("Content-Type", "text/html").end(PAGE);
  const text = await readFile(join(PACKAGE, url)).catch(() => undefined);
  response.writeHead(text === undefined ? 404 : 200, { "Content-Type": "text/javascript" }).end(text);
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
