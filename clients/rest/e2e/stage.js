// What the tests stand on: the shim before a gateway with its engines, a browser, a wire that can be cut.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, connect } from "node:net";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const REST = fileURLToPath(new URL("..", import.meta.url));
const { PYTHON = "python", TRIPHASE_REST_BIN, CHROMIUM = "/usr/bin/chromium", SCREENSHOTS = "screenshots" } = process.env;

/** Starts shim, gateway and engines; `end` stops them. */
export async function stage() {
  const child = spawn(PYTHON, ["-m", "rest_fakes.stage", `${TRIPHASE_REST_BIN}/triphase-rest`], {
    env: { ...process.env, PYTHONPATH: REST }, stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return {
    ...JSON.parse(line),
    async end() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

/** Starts the system's Chromium; the sandbox needs a user that is not root. */
export async function browser() {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** Opens a page; `problems` collects what a console or a request says is wrong. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:")) problems.push(`asked for ${request.url()}`);
  });
  await page.goto(url);
  return { context, page, problems };
}

export const picture = (name) => ({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });

/** A wire to the shim that can be cut: a proxy for bytes. */
export async function wire(url) {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    async end() {
      this.cut();
      server.close();
    },
  };
}
