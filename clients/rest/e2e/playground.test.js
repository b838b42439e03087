// The playground in a real browser: what a person does there, and what they see.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { browser, open, picture, stage, wire } from "./stage.js";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

async function violations(page) {
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`);
}

describe("the playground", { timeout: 170_000 }, () => {
  let behind;
  let chromium;
  before(async () => {
    behind = await stage();
    chromium = await browser();
  });
  after(async () => {
    await chromium?.close();
    await behind?.end();
  });

  const done = (page) => page.getByRole("status").filter({ hasText: "Done." }).waitFor();
  async function opened(options) {
    const one = await open(chromium, behind.url, options);
    await one.page.locator("#model option").first().waitFor({ state: "attached" });
    return one;
  }

  test("shows the three phases as they arrive, then times and usage", async () => {
    const { page, problems, context } = await opened({ colorScheme: "light" });
    await page.getByLabel("Model").selectOption("reference");
    await page.getByLabel("Question").fill("What is 47 + 38?");
    await page.keyboard.press("Control+Enter");
    await page.locator("#phase-reasoning.open").waitFor();
    assert.equal(await page.locator("#prompt-summary").textContent(), "What is 47 + 38?");
    await page.locator("#reasoning-summary li").first().waitFor();
    assert.equal(await page.locator("#output").textContent(), "", "there is no output while it thinks");
    await page.screenshot(picture("thinking-light"));
    await done(page);
    assert.equal(await page.locator("#output").textContent(), "47 + 38 = 85");
    assert.deepEqual(await page.locator("#times tbody tr td:first-child").allTextContents(), ["Prompt summary", "Reasoning summary", "Output"]);
    assert.ok((await page.locator("svg .first").count()) === 3 && (await page.locator("svg .bar").count()) === 3);
    assert.match(await page.locator("#usage").textContent(), /Output tokens\d+.*Reasoning tokens\d+/);
    await page.getByText("Raw events").click();
    await page.locator("#event-list").filter({ hasText: "completed" }).waitFor(); // it is filled once it is open
    const events = (await page.locator("#event-list").textContent()).split("\n").map((line) => JSON.parse(line));
    assert.ok(events[0].started && events.at(-1).completed);
    assert.deepEqual(events.map(({ sequence = 0 }) => sequence), events.map((_, index) => index));
    await page.screenshot(picture("done-light"));
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(problems, []);
    await context.close();
  });

  test("cancels by the keyboard, and the engine stops", async () => {
    const { page, problems, context } = await opened();
    await page.getByLabel("Model").selectOption("endless");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("#reasoning-summary li").nth(2).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("status").filter({ hasText: /Cancelled after \d+ events\./ }).waitFor();
    const parts = await page.locator("#reasoning-summary li").count();
    await page.waitForTimeout(300);
    assert.equal(await page.locator("#reasoning-summary li").count(), parts, "nothing comes after the cancel");
    assert.equal(await page.getByRole("alert").isVisible(), false, "a cancel is no failure");
    assert.ok(await page.getByRole("button", { name: "Send" }).isEnabled());
    assert.deepEqual(problems, []);
    await context.close();
  });

  test("tells a cut connection, also before anything came", async (t) => {
    const line = await wire(behind.url);
    t.after(() => line.end());
    const { page, context } = await open(chromium, line.url, { colorScheme: "dark" });
    await page.locator("#model option").first().waitFor({ state: "attached" });
    await page.getByLabel("Model").selectOption("endless");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("#reasoning-summary li").nth(1).waitFor();
    line.cut();
    await page.getByRole("alert").filter({ hasText: /The connection was cut after \d+ events: this answer is not whole\./ }).waitFor();
    await page.screenshot(picture("cut-dark"));
    assert.deepEqual(await violations(page), []);
    await line.end();
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("alert").filter({ hasText: "No connection: nothing answers there." }).waitFor();
    await context.close();
  });

  test("tells what the gateway refuses, and what breaks midway", async () => {
    const { page, context } = await opened();
    await page.getByLabel("Model").selectOption("broken");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("alert").filter({ hasText: "UPSTREAM_" }).waitFor();
    await page.getByLabel("Model").selectOption("busy");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("alert").filter({ hasText: "UPSTREAM_RATE_LIMITED" }).waitFor();
    await context.close();
  });

  test("shows tool calls, raw thoughts where they are wanted, and text that looks like markup as text", async () => {
    const { page, problems, context } = await opened();
    await page.getByLabel("Model").selectOption("tools");
    await page.getByLabel("Question").fill("<img src=x onerror=alert(1)> in Oslo?");
    await page.getByRole("button", { name: "Send" }).click();
    await done(page);
    assert.deepEqual(await page.locator("#tools li").allTextContents(), ['weather({"city": "Oslo"})', 'weather({"city": "Rome"})']);
    assert.equal(await page.locator("main img").count(), 0);
    await page.getByLabel("Model").selectOption("thinking");
    await page.getByRole("checkbox", { name: "raw thoughts" }).check();
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Raw thoughts", { exact: true }).click();
    await done(page);
    assert.equal(await page.locator("#reasoning").textContent(), "Add 47 and 38. The sum is 85.");
    assert.deepEqual(problems, []);
    await context.close();
  });

  test("is readable on a phone, dark, and by the keyboard alone", async () => {
    const { page, problems, context } = await opened({ ...PHONE, colorScheme: "dark" });
    const order = [];
    for (let step = 0; step < 8; step++) {
      await page.keyboard.press("Tab");
      order.push(await page.evaluate(() => document.activeElement.id || document.activeElement.textContent));
    }
    assert.deepEqual(order, ["All routes", "theme", "model", "effort", "summary", "raw", "prompt", "send"]);
    await page.getByLabel("Model").selectOption("reference");
    await page.locator("#send").focus();
    await page.keyboard.press("Enter");
    await done(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, "the page is no wider than the phone");
    await page.screenshot(picture("done-phone-dark"));
    assert.deepEqual(await violations(page), []);
    await page.getByLabel("Colours").selectOption("light");
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "light");
    await page.reload();
    assert.equal(await page.getByLabel("Colours").inputValue(), "light", "the choice is kept");
    assert.deepEqual(problems, []);
    await context.close();
  });

  test("gives code that asks the same", async () => {
    const { page, problems, context } = await opened();
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByLabel("Model").selectOption("reference");
    await page.getByLabel("Effort").selectOption("low");
    await page.getByLabel("Question").fill("What is 47 + 38?  'quoted' \"twice\" \\ $HOME");
    await page.getByText("Copy as code").click();
    const code = {};
    for (const language of ["curl", "python", "go", "typescript"]) {
      await page.getByLabel("Language").selectOption(language);
      await page.getByRole("button", { name: "Copy" }).click();
      await page.getByText("Copied.").waitFor();
      code[language] = await page.evaluate(() => navigator.clipboard.readText());
    }
    await page.screenshot(picture("code"));
    const run = promisify(execFile);
    const { stdout: byCurl } = await run("bash", ["-c", code.curl]);
    assert.ok(byCurl.includes("reasoningSummaryDelta") && byCurl.includes('"completed"'));
    assert.ok(byCurl.includes("'quoted'"), "the question arrived with its quotes");
    const { stdout: byPython } = await run(process.env.PYTHON ?? "python", ["-c", code.python.replace("127.0.0.1:50051", behind.gateway)]);
    assert.match(byPython, /asked: .*\n(thinks: .*\n)+/);
    assert.match(code.go, /Effort: gatewayv1\.ReasoningEffort_REASONING_EFFORT_LOW/);
    assert.match(code.typescript, /effort: "low"/);
    assert.deepEqual(problems, []);
    await context.close();
  });

  test("the page of all routes shows each of them, and finds one", async () => {
    const { page, problems, context } = await open(chromium, `${behind.url}/docs`);
    const paths = Object.keys((await (await fetch(`${behind.url}/openapi.json`)).json()).paths);
    await page.locator("#routes details").first().waitFor();
    assert.equal(await page.locator("#routes details").count(), paths.length);
    await page.getByLabel("Find").fill("validate");
    assert.equal(await page.locator("#routes details:visible").count(), 1);
    await page.locator("#routes details:visible summary").click();
    await page.getByRole("link", { name: "ValidateModelConfigRequest" }).click();
    await page.locator("#ValidateModelConfigRequest[open]").waitFor();
    await page.screenshot(picture("docs"));
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(problems, []);
    await context.close();
  });
});
