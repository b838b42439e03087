/**
 * Errors of the client: whatever a transport throws becomes one `TriphaseError`.
 *
 * Details are read leniently: what is malformed or unknown is left out, the code and the message always stand.
 * How an HTTP response becomes what a transport throws is `rest_status.ts`.
 */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

const CODE_NAMES = {
  [Code.Canceled]: "CANCELLED",
  [Code.Unknown]: "UNKNOWN",
  [Code.InvalidArgument]: "INVALID_ARGUMENT",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.NotFound]: "NOT_FOUND",
  [Code.AlreadyExists]: "ALREADY_EXISTS",
  [Code.PermissionDenied]: "PERMISSION_DENIED",
  [Code.ResourceExhausted]: "RESOURCE_EXHAUSTED",
  [Code.FailedPrecondition]: "FAILED_PRECONDITION",
  [Code.Aborted]: "ABORTED",
  [Code.OutOfRange]: "OUT_OF_RANGE",
  [Code.Unimplemented]: "UNIMPLEMENTED",
  [Code.Internal]: "INTERNAL",
  [Code.Unavailable]: "UNAVAILABLE",
  [Code.DataLoss]: "DATA_LOSS",
  [Code.Unauthenticated]: "UNAUTHENTICATED",
} as const satisfies Record<Code, string>;

/** The name of a gRPC status code, as in the gRPC documentation. */
export type StatusCode = (typeof CODE_NAMES)[Code];

/** One field of the request that breaks a rule: its path, such as `messages[2].role`, and what is wrong. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/** What a `TriphaseError` is made of, beside its message. */
export interface ErrorFacts {
  /** The gRPC status code. */
  readonly code: StatusCode;
  /** The gateway's word for it, such as `CALLER_UNKNOWN_MODEL`; empty where the transport itself failed. */
  readonly reason?: string;
  /** More facts by name, such as `response_id`, `route` and `deployment`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Seconds after which another try makes sense; absent = not said. */
  readonly retryAfterS?: number | undefined;
  /** The fields of the request that are wrong. */
  readonly violations?: readonly Violation[];
  /** Whether events had come before, so that the answer was begun. */
  readonly midway?: boolean;
  /** What the transport threw. */
  readonly cause?: unknown;
}

/**
 * A call that failed.
 *
 * `reason` begins with `CALLER_`, `POLICY_`, `UPSTREAM_` or `GATEWAY_`, which names who is at fault.
 */
export class TriphaseError extends Error {
  override name = "TriphaseError";
  /** The message as it came, without the reason. */
  readonly rawMessage: string;
  /** The gRPC status code. */
  readonly code: StatusCode;
  /** The gateway's word for it; empty where the transport itself failed. */
  readonly reason: string;
  /** More facts by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Seconds after which another try makes sense; `undefined` = not said. */
  readonly retryAfterS: number | undefined;
  /** The fields of the request that are wrong. */
  readonly violations: readonly Violation[];
  /** Whether events had come before, so that the answer was begun. */
  readonly midway: boolean;

  constructor(rawMessage: string, facts: ErrorFacts) {
    super(`${rawMessage} (${facts.reason || facts.code})`, "cause" in facts ? { cause: facts.cause } : undefined);
    this.rawMessage = rawMessage;
    this.code = facts.code;
    this.reason = facts.reason ?? "";
    this.metadata = facts.metadata ?? {};
    this.retryAfterS = facts.retryAfterS;
    this.violations = facts.violations ?? [];
    this.midway = facts.midway ?? false;
  }
}

/** The rules of a stream that a `Fold` holds it to; the names are those of `testdata/events`. */
export type ProtocolRule = "STARTED_FIRST" | "SEQUENCE_WITHOUT_GAPS" | "COMPLETED_LAST" | "COMPLETED_MISSING";

/** The stream broke a rule of the protocol, so that what it said cannot be trusted to be whole. */
export class ProtocolError extends TriphaseError {
  override name = "ProtocolError";
  /** The rule that was broken. */
  readonly rule: ProtocolRule;

  constructor(rawMessage: string, rule: ProtocolRule) {
    super(rawMessage, { code: "DATA_LOSS", midway: true });
    this.rule = rule;
  }
}

/** The error of a stream that ended well by its status, and yet is not whole. */
export function completedMissing(): ProtocolError {
  return new ProtocolError("the stream ended without `completed`", "COMPLETED_MISSING");
}

/** The error of a call whose time is up before it is made. */
export function deadlineExceeded(): TriphaseError {
  return new TriphaseError("the deadline passed", { code: "DEADLINE_EXCEEDED" });
}

/** Makes the error of a failed call; `midway`, where events of it had come. */
export function fromTransport(failure: unknown, { midway = false } = {}): TriphaseError {
  if (failure instanceof TriphaseError) return failure;
  const error = ConnectError.from(failure);
  const code = isOfTheNetwork(error) ? "UNAVAILABLE" : (CODE_NAMES[error.code] ?? "UNKNOWN");
  const info = detail(error, ErrorInfoSchema);
  const delay = detail(error, RetryInfoSchema)?.retryDelay;
  const violations = detail(error, BadRequestSchema)?.fieldViolations ?? [];
  return new TriphaseError(error.rawMessage || code.toLowerCase().replaceAll("_", " "), {
    code,
    reason: info?.reason ?? "",
    metadata: { ...info?.metadata },
    retryAfterS: delay && seconds(delay),
    violations: violations.map(({ field, description }) => ({ field, description })),
    midway,
    cause: failure,
  });
}

/**
 * Whether the connection failed, whatever the transport calls it: gRPC calls all of these `UNAVAILABLE`. Node's own errors
 * carry a `code` such as `ECONNRESET`; a session that was cut resets its streams with CANCEL, and that nobody of ours
 * cancelled is known by then.
 */
function isOfTheNetwork(error: ConnectError): boolean {
  const cause = error.cause;
  if (error.code === Code.Canceled) return true;
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" && cause.name !== "AbortError";
}

function detail<Desc extends DescMessage>(error: ConnectError, schema: Desc): MessageShape<Desc> | undefined {
  return error.findDetails(schema)[0];
}

function seconds(duration: Duration): number {
  return Number(duration.seconds) + duration.nanos / 1e9;
}
