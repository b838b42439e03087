/**
 * A failed HTTP response, or an error frame of a stream, becomes the `ConnectError` that a gRPC transport would throw.
 *
 * The body is a `google.rpc.Status` in protobuf JSON where the shim wrote it; anything else came from a proxy, and only
 * the HTTP status is believed.
 */
import { fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md; what it does not name is `UNKNOWN`. */
const BY_HTTP_STATUS: Readonly<Record<number, Code>> = {
  400: Code.Internal,
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.Unimplemented,
  429: Code.Unavailable,
  502: Code.Unavailable,
  503: Code.Unavailable,
  504: Code.Unavailable,
};

const DETAILS = [ErrorInfoSchema, RetryInfoSchema, BadRequestSchema];

/** Makes the error of a response that is not 2xx. */
export function fromResponse(httpStatus: number, body: string): ConnectError {
  // Whoever asked for server-sent events may get a refusal that is framed like one.
  const status = parsed(body.replace(/^data: ?/, ""));
  // Unlike a Status, an error frame wraps one; a shim that fails before the first byte may send either.
  const inner = isObject(status) && isObject(status.error) ? status.error : status;
  // A health check that fails says how it is by one word.
  const word = isObject(status) && typeof status.status === "string" ? status.status : `HTTP ${httpStatus}`;
  return fromStatus(inner) ?? new ConnectError(word, BY_HTTP_STATUS[httpStatus] ?? Code.Unknown);
}

/** Makes the error of a `google.rpc.Status` as JSON; `undefined` where it is none. */
export function fromStatus(status: JsonValue | undefined): ConnectError | undefined {
  if (!isObject(status) || typeof status.code !== "number" || !(status.code in Code)) return undefined;
  const message = typeof status.message === "string" ? status.message : "";
  const details = Array.isArray(status.details) ? status.details.flatMap(detail) : [];
  return new ConnectError(message, status.code as Code, undefined, details);
}

/** Whether a JSON value is an object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function detail(value: JsonValue) {
  if (!isObject(value)) return [];
  const { "@type": type, ...members } = value;
  const desc = DETAILS.find(({ typeName }) => type === `type.googleapis.com/${typeName}`);
  if (desc === undefined) return [];
  try {
    return [{ desc, value: fromJson(desc, members, { ignoreUnknownFields: true }) }];
  } catch {
    return []; // malformed: the code and the message stand
  }
}

function parsed(body: string): JsonValue | undefined {
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    return undefined;
  }
}
