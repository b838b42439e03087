/**
 * Client of the Triphase gateway for reasoning models.
 *
 * `Client` streams `triphase.gateway.v1.StreamGenerateResponse`: the generated messages, exported here too, are the only
 * vocabulary of events. `Fold` makes one response of them. Transports: `@triphase/client/node` and
 * `@triphase/client/rest`.
 */
export { create, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
export type { Transport } from "@connectrpc/connect";
export { type CallOptions, Client, type ClientOptions, type HealthState } from "./client.js";
export {
  type ErrorFacts,
  ProtocolError,
  type ProtocolRule,
  type StatusCode,
  TriphaseError,
  type Violation,
} from "./errors.js";
export { Fold } from "./fold.js";
export * from "./gen/triphase/gateway/v1/conversation_pb.js";
export * from "./gen/triphase/gateway/v1/events_pb.js";
export * from "./gen/triphase/gateway/v1/gateway_service_pb.js";
export * from "./gen/triphase/gateway/v1/generation_pb.js";
export {
  assistant,
  buildRequest,
  type Detail,
  type Effort,
  type Request,
  type RequestFields,
  user,
} from "./request.js";
export { DEFAULT_RETRY, type RetryPolicy } from "./retry.js";
