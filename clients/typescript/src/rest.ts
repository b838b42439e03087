/**
 * HTTP, for browsers: the transport to the REST shim in front of a gateway. It needs nothing but `fetch`.
 *
 * The stream is read by `fetch`, not by `EventSource`, which can neither post nor read the body of an error. How bytes
 * become frames is `rest_frames.ts`; how failures become errors is `rest_status.ts`.
 */
import {
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createContextValues,
  type Interceptor,
  type Transport,
  type UnaryRequest,
} from "@connectrpc/connect";
import { runStreamingCall, runUnaryCall } from "@connectrpc/connect/protocol";
import { Health } from "./gen/grpc/health/v1/health_pb.js";
import { framesOf } from "./rest_frames.js";
import { fromResponse, fromStatus, isObject } from "./rest_status.js";

/** Options of the transport. */
export interface RestOptions {
  /** In which form a stream comes: server-sent events, or a line of JSON for each event. */
  readonly streams?: "sse" | "ndjson";
  /** Instead of the global one. */
  readonly fetch?: typeof globalThis.fetch;
  /** Whether cookies go with the calls: as in `fetch`. */
  readonly credentials?: RequestCredentials;
  /** Put around every call, as in other Connect transports. */
  readonly interceptors?: Interceptor[];
}

/** Where each RPC is; those that only read are asked by GET, with the request in the query. */
const ROUTES: Readonly<Record<string, { readonly verb: "GET" | "POST"; readonly path: string }>> = {
  "triphase.gateway.v1.GatewayService.StreamGenerate": { verb: "POST", path: "/triphase/v1/stream" },
  "triphase.gateway.v1.GatewayService.Generate": { verb: "POST", path: "/triphase/v1/generate" },
  "triphase.gateway.v1.GatewayService.ListModels": { verb: "GET", path: "/triphase/v1/models" },
  "grpc.health.v1.Health.Check": { verb: "GET", path: "/healthz" },
};

const STREAM_TYPES = { sse: "text/event-stream", ndjson: "application/x-ndjson" } as const;

/** What the shim answers, with HTTP 503, where the gateway does not serve; grpc-gateway itself has it in a message. */
const NOT_SERVING = /\bNOT_SERVING\b/;

/** A call as `fetch` gets it. */
type Asked = Pick<UnaryRequest, "url" | "header" | "signal" | "requestMethod">;

/** Opens no connection yet. `baseUrl` is the shim's, such as `https://example.org`; empty = the page's own. */
export function restTransport(baseUrl = "", options: RestOptions = {}): Transport {
  const { interceptors = [], streams = "sse" } = options;

  async function ask(asked: Asked, json: JsonObject): Promise<Response> {
    const post = asked.requestMethod === "POST";
    const query = post ? "" : new URLSearchParams(json as Record<string, string>).toString();
    const init: RequestInit = { method: asked.requestMethod, headers: asked.header, signal: asked.signal };
    if (post) init.body = JSON.stringify(json);
    if (options.credentials) init.credentials = options.credentials;
    const url = query ? `${asked.url}?${query}` : asked.url;
    const response = await reached((options.fetch ?? globalThis.fetch)(url, init));
    if (response.ok) return response;
    throw fromResponse(response.status, await reached(response.text()));
  }

  return {
    unary: (method, signal, timeoutMs, header, message, contextValues) =>
      runUnaryCall({
        interceptors,
        req: {
          ...request(method, baseUrl, header, timeoutMs, "application/json"),
          stream: false,
          service: method.parent,
          method,
          contextValues: contextValues ?? createContextValues(),
          message,
        },
        ...(signal && { signal }),
        ...(timeoutMs !== undefined && { timeoutMs }),
        next: async (req) => {
          const { header, json } = await ask(req, toJson(method.input, req.message) as JsonObject).then(
            async (response) => ({ header: response.headers, json: parse(await reached(response.text())) }),
            (failure) => ({ header: new Headers(), json: stateOf(method, failure) }),
          );
          const message = decode(method.output, json);
          return { stream: false, service: method.parent, method, header, trailer: new Headers(), message };
        },
      }),
    stream: (method, signal, timeoutMs, header, input, contextValues) =>
      runStreamingCall({
        interceptors,
        req: {
          ...request(method, baseUrl, header, timeoutMs, STREAM_TYPES[streams]),
          stream: true,
          service: method.parent,
          method,
          contextValues: contextValues ?? createContextValues(),
          message: input,
        },
        ...(signal && { signal }),
        ...(timeoutMs !== undefined && { timeoutMs }),
        next: async (req) => {
          const response = await ask(req, toJson(method.input, await only(req.message)) as JsonObject);
          return {
            ...req,
            header: response.headers,
            trailer: new Headers(),
            message: messages(method.output, response),
          };
        },
      }),
  };
}

function request(
  method: DescMethod,
  baseUrl: string,
  header: HeadersInit | undefined,
  timeoutMs: number | undefined,
  accept: string,
) {
  const route = ROUTES[`${method.parent.typeName}.${method.name}`];
  if (route === undefined) throw new ConnectError(`${method.name} has no route`, Code.Unimplemented);
  const headers = new Headers(header);
  headers.set("Accept", accept);
  if (route.verb === "POST") headers.set("Content-Type", "application/json");
  if (timeoutMs !== undefined) headers.set("Grpc-Timeout", `${timeoutMs}m`);
  return { requestMethod: route.verb, url: baseUrl.replace(/\/+$/, "") + route.path, header: headers };
}

/** Reads the frames of a stream: an event, alone or as `result`, or a `google.rpc.Status` as `error`, which ends it. */
async function* messages<Desc extends DescMessage>(desc: Desc, response: Response): AsyncGenerator<MessageShape<Desc>> {
  const frames = framesOf(response.headers.get("Content-Type") ?? "");
  const reader = response.body?.getReader();
  for (;;) {
    const read = reader && (await reached(reader.read()));
    if (read === undefined || read.done) break;
    for (const frame of frames.feed(read.value)) yield message(desc, parse(frame));
  }
  frames.close();
}

function message<Desc extends DescMessage>(desc: Desc, frame: JsonValue): MessageShape<Desc> {
  if (isObject(frame) && isObject(frame.error)) {
    throw fromStatus(frame.error) ?? new ConnectError("the stream failed", Code.Unknown);
  }
  const status = fromStatus(frame); // an event has no member `code`
  if (status !== undefined) throw status;
  return decode(desc, isObject(frame) && isObject(frame.result) ? frame.result : frame);
}

function decode<Desc extends DescMessage>(desc: Desc, json: JsonValue): MessageShape<Desc> {
  try {
    return fromJson(desc, json, { ignoreUnknownFields: true });
  } catch (cause) {
    throw new ConnectError(`the response holds no ${desc.name}`, Code.DataLoss, undefined, undefined, cause);
  }
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new ConnectError("the response is not JSON", Code.DataLoss, undefined, undefined, cause);
  }
}

/** `fetch` has one error for all that the network can do, a TypeError: gRPC calls it `UNAVAILABLE`. */
async function reached<Value>(promise: Promise<Value>): Promise<Value> {
  try {
    return await promise;
  } catch (cause) {
    if (cause instanceof TypeError)
      throw new ConnectError(cause.message, Code.Unavailable, undefined, undefined, cause);
    throw cause;
  }
}

/** The answer of a health check that the shim told as a failure; throws any other failure again. */
function stateOf(method: DescMethod, failure: unknown): JsonValue {
  const isCheck = method.parent.typeName === Health.typeName;
  if (isCheck && failure instanceof ConnectError && NOT_SERVING.test(failure.rawMessage))
    return { status: "NOT_SERVING" };
  throw failure;
}

async function only<Value>(values: AsyncIterable<Value>): Promise<Value> {
  for await (const value of values) return value;
  throw new ConnectError("a call has one request", Code.Internal);
}
