/**
 * Makes one response of the events of a stream, and holds the stream to the rules of the protocol.
 *
 * Sans-IO: feed it events from any source. It is what `Generate` does inside the gateway, and `testdata/events` are its
 * vectors in every language. Members that it does not know count for the sequence and are otherwise ignored.
 */
import { create } from "@bufbuild/protobuf";
import { completedMissing, ProtocolError } from "./errors.js";
import { type ToolCall, ToolCallSchema } from "./gen/triphase/gateway/v1/conversation_pb.js";
import type { ReasoningSummaryDelta, ToolCallDelta } from "./gen/triphase/gateway/v1/events_pb.js";
import {
  type GenerateResponse,
  GenerateResponseSchema,
  type ReasoningSummaryPart,
  ReasoningSummaryPartSchema,
  type StreamGenerateResponse,
} from "./gen/triphase/gateway/v1/gateway_service_pb.js";

/** What a fold keeps no trace of: these say how the answer comes, and nothing of what it is. */
const PASSING: ReadonlySet<string | undefined> = new Set([
  undefined,
  "phaseStarted",
  "phaseCompleted",
  "attemptStarted",
  "heartbeat",
]);

/** Collects events with `feed`; `response` is the whole answer once `completed` has come. */
export class Fold {
  #nextSequence = 0;
  #complete = false;
  #kept: StreamGenerateResponse[] = [];

  /** Takes the next event; throws `ProtocolError` where it breaks a rule of the stream, and stays as it was. */
  feed(event: StreamGenerateResponse): void {
    this.#check(event);
    this.#nextSequence += 1;
    const kind = event.event;
    if (kind.case === "restarted") {
      const firstVoid = kind.value.discardFromSequence;
      this.#kept = this.#kept.filter(({ sequence }) => sequence < firstVoid);
    } else if (!PASSING.has(kind.case)) {
      this.#kept.push(event);
    }
    this.#complete = kind.case === "completed";
  }

  /** The whole response, built anew; throws `ProtocolError` where the stream has not completed. */
  get response(): GenerateResponse {
    if (!this.#complete) throw completedMissing();
    return this.soFar;
  }

  /** What has come until now, built anew: `completed` may be unset. */
  get soFar(): GenerateResponse {
    return responseOf(this.#kept);
  }

  #check({ sequence, event }: StreamGenerateResponse): void {
    if (this.#complete) {
      throw new ProtocolError(`event ${sequence} came after \`completed\``, "COMPLETED_LAST");
    }
    if (sequence !== this.#nextSequence) {
      throw new ProtocolError(`event ${sequence} came where ${this.#nextSequence} was due`, "SEQUENCE_WITHOUT_GAPS");
    }
    if (sequence === 0 && event.case !== "started") {
      throw new ProtocolError("the stream did not begin with `started`", "STARTED_FIRST");
    }
  }
}

function responseOf(events: readonly StreamGenerateResponse[]): GenerateResponse {
  const response = create(GenerateResponseSchema);
  const texts = { promptSummaryDelta: [] as string[], reasoningDelta: [] as string[], outputDelta: [] as string[] };
  const summary: ReasoningSummaryDelta[] = [];
  const calls: ToolCallDelta[] = [];
  for (const { event } of events) {
    switch (event.case) {
      case "started":
        response.responseId = event.value.responseId;
        response.route = event.value.route;
        response.clientRequestId = event.value.clientRequestId;
        break;
      case "promptSummaryDelta":
      case "reasoningDelta":
      case "outputDelta":
        texts[event.case].push(event.value.text);
        break;
      case "reasoningSummaryDelta":
        summary.push(event.value);
        break;
      case "toolCallDelta":
        calls.push(event.value);
        break;
      case "completed":
        response.completed = event.value;
        break;
    }
  }
  response.promptSummary = texts.promptSummaryDelta.join("");
  response.reasoning = texts.reasoningDelta.join("");
  response.output = texts.outputDelta.join("");
  response.reasoningSummary = summaryParts(summary);
  response.toolCalls = toolCalls(calls);
  return response;
}

function summaryParts(deltas: readonly ReasoningSummaryDelta[]): ReasoningSummaryPart[] {
  const parts = new Map<number, ReasoningSummaryPart>();
  const replaced = new Set<number>();
  for (const { partIndex, text, source, replacesPartIndex } of deltas) {
    const part = parts.get(partIndex) ?? create(ReasoningSummaryPartSchema, { source });
    part.text += text;
    parts.set(partIndex, part);
    if (replacesPartIndex !== undefined) replaced.add(replacesPartIndex);
  }
  for (const index of replaced) parts.delete(index);
  return inOrder(parts);
}

function toolCalls(deltas: readonly ToolCallDelta[]): ToolCall[] {
  const calls = new Map<number, ToolCall>();
  for (const { index, id, name, arguments: increment } of deltas) {
    const call = calls.get(index) ?? create(ToolCallSchema, { id, name });
    call.arguments += increment;
    calls.set(index, call);
  }
  return inOrder(calls);
}

function inOrder<Value>(byIndex: ReadonlyMap<number, Value>): Value[] {
  return [...byIndex].sort(([one], [other]) => one - other).map(([, value]) => value);
}
