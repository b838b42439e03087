/**
 * Requests from plain values: `buildRequest({ model: "…", prompt: "…", effort: "low" })`.
 *
 * Only what most callers set is here; whatever else the contract has, set it on a `StreamGenerateRequest` itself. Values
 * are not checked beyond names of enums: the gateway is the judge.
 */
import { create, isMessage } from "@bufbuild/protobuf";
import { type Message, MessageSchema, Role } from "./gen/triphase/gateway/v1/conversation_pb.js";
import {
  type StreamGenerateRequest,
  StreamGenerateRequestSchema,
} from "./gen/triphase/gateway/v1/gateway_service_pb.js";
import { ReasoningEffort, SummaryDetail } from "./gen/triphase/gateway/v1/generation_pb.js";

const EFFORTS = {
  none: ReasoningEffort.NONE,
  minimal: ReasoningEffort.MINIMAL,
  low: ReasoningEffort.LOW,
  medium: ReasoningEffort.MEDIUM,
  high: ReasoningEffort.HIGH,
  xhigh: ReasoningEffort.XHIGH,
  max: ReasoningEffort.MAX,
} as const;

const SUMMARY_DETAILS = {
  none: SummaryDetail.NONE,
  concise: SummaryDetail.CONCISE,
  auto: SummaryDetail.AUTO,
  detailed: SummaryDetail.DETAILED,
} as const;

/** How long a model may be asked to think. */
export type Effort = keyof typeof EFFORTS;

/** How much of the thoughts the summary may keep. */
export type Detail = keyof typeof SUMMARY_DETAILS;

/** What a request is built from; everything may be left out except `model` and one of `prompt` and `messages`. */
export interface RequestFields {
  /** The public name of a model. */
  readonly model: string;
  /** What the person asks, after `messages`. */
  readonly prompt?: string | undefined;
  /** Instructions, before `messages`. */
  readonly system?: string | undefined;
  /** Earlier turns, oldest first: see `user` and `assistant`. */
  readonly messages?: readonly Message[] | undefined;
  /** How long to think. */
  readonly effort?: Effort | undefined;
  /** How much of the thoughts the summary keeps. */
  readonly summary?: Detail | undefined;
  /** Whether the raw thoughts are streamed too. */
  readonly includeRaw?: boolean | undefined;
  /** 0 (greedy) to 2. */
  readonly temperature?: number | undefined;
  /** More than 0, at most 1. */
  readonly topP?: number | undefined;
  /** For answers that can be had again. */
  readonly seed?: number | bigint | undefined;
  /** The most tokens to think. */
  readonly maxReasoningTokens?: number | undefined;
  /** The least tokens to think. */
  readonly minimumReasoningTokens?: number | undefined;
  /** The most tokens to write, thoughts included. */
  readonly maxOutputTokens?: number | undefined;
  /** Texts at which the model stops. */
  readonly stop?: readonly string[] | undefined;
  /** An id of the caller's own, repeated in `started`. */
  readonly clientRequestId?: string | undefined;
  /** Whether the caller understands `restarted`, as a `Fold` does. */
  readonly acceptRestarts?: boolean | undefined;
  /** Requests with the same key go to the same deployment while it is well. */
  readonly affinityKey?: string | undefined;
}

/** A request as the contract has it, or what one is built from. */
export type Request = StreamGenerateRequest | RequestFields;

/** Builds a request; throws `RangeError` for an effort or a detail that does not exist. */
export function buildRequest(fields: RequestFields): StreamGenerateRequest {
  const { model, temperature, topP, seed, effort, summary, includeRaw } = fields;
  const { maxOutputTokens, clientRequestId, acceptRestarts, affinityKey } = fields;
  return create(StreamGenerateRequestSchema, {
    model,
    messages: turns(fields),
    reasoning: set({
      effort: effort && named(EFFORTS, effort),
      summary: summary && named(SUMMARY_DETAILS, summary),
      includeRaw,
      maxTokens: fields.maxReasoningTokens,
      minimumTokens: fields.minimumReasoningTokens,
    }),
    sampling: set({ temperature, topP, seed: seed === undefined ? undefined : BigInt(seed) }),
    stop: [...(fields.stop ?? [])],
    ...set({ maxOutputTokens, clientRequestId, acceptRestarts, affinityKey }),
  });
}

/** Takes a request as it is, or builds it. */
export function requestOf(request: Request): StreamGenerateRequest {
  return isMessage(request, StreamGenerateRequestSchema) ? request : buildRequest(request);
}

/** A turn of the person who asks. */
export function user(text: string): Message {
  return turn(Role.USER, text);
}

/** An earlier answer of the model. */
export function assistant(text: string): Message {
  return turn(Role.ASSISTANT, text);
}

function turn(role: Role, text: string): Message {
  return create(MessageSchema, { role, content: [{ part: { case: "text", value: text } }] });
}

function turns({ system, messages, prompt }: RequestFields): Message[] {
  return [...(system ? [turn(Role.SYSTEM, system)] : []), ...(messages ?? []), ...(prompt ? [user(prompt)] : [])];
}

function named<Values extends object>(values: Values, word: keyof Values & string): Values[typeof word] {
  if (!Object.hasOwn(values, word)) throw new RangeError(`"${word}" is not one of ${Object.keys(values).join(", ")}`);
  return values[word];
}

/** The members that are set, in a form that `exactOptionalPropertyTypes` takes. */
function set<Values extends object>(values: Values): { [Name in keyof Values]?: Exclude<Values[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
