// The npm package openai, unmodified, against the facade: what an existing client does, by its base URL alone.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI, { APIError, BadRequestError, NotFoundError } from "openai";
import { stage } from "./stage.js";

const ASK = [{ role: "user", content: "What is 47 + 38?" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const sum = { type: "object", properties: { sum: { type: "integer" } }, required: ["sum"], additionalProperties: false };
const picture = "data:image/png;base64,iVBORw0KGgo=";

describe("the npm package openai", { timeout: 120_000 }, () => {
  let behind;
  let client;
  before(async () => {
    behind = await stage();
    client = new OpenAI({ baseURL: `${behind.url}/v1`, apiKey: "none", maxRetries: 0 });
  });
  after(() => behind?.end());

  test("lists models", async () => {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert.deepEqual(names, ["broken", "busy", "endless", "json", "reference", "thinking", "tools"]);
    assert.equal((await client.models.retrieve("reference")).owned_by, "triphase");
  });

  test("chats, whole and streamed, with thoughts and usage", async () => {
    const whole = await client.chat.completions.create({ model: "reference", messages: ASK });
    assert.equal(whole.choices[0].message.content, "47 + 38 = 85");
    assert.ok(whole.usage.completion_tokens > whole.usage.completion_tokens_details.reasoning_tokens);
    const stream = client.chat.completions.stream({ model: "reference", messages: ASK, stream_options: { include_usage: true } });
    let reasoning = "";
    for await (const { choices } of stream) reasoning += choices[0]?.delta.reasoning_content ?? "";
    const final = await stream.finalChatCompletion();
    assert.equal(final.choices[0].message.content, "47 + 38 = 85");
    assert.equal(final.usage.total_tokens, final.usage.prompt_tokens + final.usage.completion_tokens);
    assert.ok(reasoning);
  });

  test("calls tools by chat", async () => {
    const tools = [{ type: "function", function: { name: "weather", parameters } }];
    const runner = client.chat.completions.stream({ model: "tools", messages: ASK, tools });
    const { message, finish_reason } = (await runner.finalChatCompletion()).choices[0];
    assert.equal(finish_reason, "tool_calls");
    assert.deepEqual(message.tool_calls.map((call) => call.function.arguments), ['{"city": "Oslo"}', '{"city": "Rome"}']);
  });

  test("parses structured output, with a picture in the question", async () => {
    const content = [{ type: "text", text: "How many?" }, { type: "image_url", image_url: { url: picture } }];
    const response_format = { type: "json_schema", json_schema: { name: "sum", schema: sum, strict: true } };
    const parsed = await client.chat.completions.parse({ model: "json", messages: [{ role: "user", content }], response_format });
    assert.deepEqual(parsed.choices[0].message.parsed, { sum: 85 });
  });

  test("streams responses with the reasoning summary", async () => {
    const stream = client.responses.stream({ model: "reference", input: ASK[0].content, reasoning: { summary: "auto" } });
    const kinds = [];
    let summary = "";
    for await (const event of stream) {
      assert.equal(event.sequence_number, kinds.length);
      kinds.push(event.type);
      if (event.type === "response.reasoning_summary_text.delta") summary += event.delta;
    }
    const final = await stream.finalResponse();
    assert.equal(final.output[1].content[0].text, "47 + 38 = 85");
    assert.equal(final.output[0].summary.map(({ text }) => text).join(""), summary);
    assert.equal(kinds.at(-1), "response.completed");
  });

  test("calls tools by responses, and gives results back", async () => {
    const tools = [{ type: "function", name: "weather", parameters, strict: true }];
    const first = await client.responses.create({ model: "tools", input: "Weather?", tools });
    const calls = first.output.filter(({ type }) => type === "function_call");
    assert.deepEqual(calls.map(({ call_id }) => call_id), ["call_a", "call_b"]);
    const results = calls.map(({ call_id }) => ({ type: "function_call_output", call_id, output: "rain" }));
    const input = [{ role: "user", content: "Weather?" }, ...first.output, ...results];
    const format = { type: "json_schema", name: "sum", schema: sum, strict: true };
    const second = await client.responses.parse({ model: "json", input, tools, text: { format } });
    assert.deepEqual(second.output_parsed, { sum: 85 });
  });

  test("throws its own errors", async () => {
    await assert.rejects(client.chat.completions.create({ model: "nope", messages: ASK }), NotFoundError);
    await assert.rejects(client.responses.create({ model: "reference", input: "x", previous_response_id: "resp_1" }), (error) => error instanceof BadRequestError && error.param === "previous_response_id");
    await assert.rejects(client.chat.completions.create({ model: "busy", messages: ASK, stream: true }), APIError);
    const broken = await client.chat.completions.create({ model: "broken", messages: ASK, stream: true });
    await assert.rejects(async () => {
      for await (const chunk of broken) assert.ok(chunk);
    }, APIError);
  });

  test("cancels", async () => {
    const stream = await client.responses.create({ model: "endless", input: "Count.", stream: true });
    let seen = 0;
    for await (const event of stream) {
      if (event.type === "response.reasoning_summary_text.delta" && ++seen === 3) stream.controller.abort();
      assert.ok(seen <= 3, "nothing comes after the cancel");
    }
    assert.equal(seen, 3);
  });
});
