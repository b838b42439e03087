/**
 * A scripted gateway in this process, behind two doors with real sockets: gRPC, and HTTP as the REST shim has it.
 *
 * Each call of `StreamGenerate` plays the next script, step by step. Nothing here knows the protocol: a script may break
 * every rule of it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { fromJson, isMessage, type JsonObject, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../src/gen/grpc/health/v1/health_pb.js";
import {
  create,
  GatewayService,
  ListModelsResponseSchema,
  type Model,
  ModelSchema,
  type StreamGenerateRequest,
  StreamGenerateRequestSchema,
  type StreamGenerateResponse,
  StreamGenerateResponseSchema,
} from "../src/index.js";

/** An event; raw bytes (HTTP only); something to wait for; "forever", until the client goes away; how to fail; a cut. */
export type Step = Sent | Promise<void> | "forever" | ConnectError;
type Sent = StreamGenerateResponse | string;

const HTTP_STATUS: Partial<Record<Code, number>> = {
  [Code.InvalidArgument]: 400,
  [Code.FailedPrecondition]: 400,
  [Code.NotFound]: 404,
  [Code.Aborted]: 409,
  [Code.ResourceExhausted]: 429,
  [Code.Unavailable]: 503,
  [Code.DeadlineExceeded]: 504,
};

export class FakeGateway {
  readonly requests: StreamGenerateRequest[] = [];
  readonly headers: Headers[] = [];
  readonly refusals: ConnectError[] = [];
  models: Model[] = [create(ModelSchema, { name: "reference", reasons: true })];
  state: Status = Status.SERVING;
  /** Fulfilled once a call has come. */
  readonly called = signal();
  /** Fulfilled once the client of a running call went away. */
  readonly cancelled = signal();
  readonly #scripts: (readonly Step[])[] = [];

  /** Adds the script of one more call. */
  script(steps: readonly Step[]): void {
    this.#scripts.push(steps);
  }

  /** Plays the next script: what it yields is to be sent. */
  async *play(request: StreamGenerateRequest, headers: Headers, gone: AbortSignal): AsyncGenerator<Sent> {
    this.requests.push(request);
    this.headers.push(headers);
    gone.addEventListener("abort", () => this.cancelled.resolve());
    this.called.resolve();
    this.refuse();
    for (const step of this.#scripts.shift() ?? []) {
      if (step === "forever") await new Promise((resolve) => gone.addEventListener("abort", resolve));
      else if (step instanceof Promise) await step;
      else if (step instanceof ConnectError) throw step;
      else yield step;
    }
  }

  refuse(): void {
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
  }
}

/** Where a fake listens, and how to stop it. */
export interface Door {
  readonly url: string;
  close(): Promise<void>;
}

export async function grpcDoor(gateway: FakeGateway): Promise<Door> {
  const sessions = new Set<ServerHttp2Session>();
  const cut = () => sessions.forEach((session) => void session.destroy());
  const handler = connectNodeAdapter({
    routes: (router) => {
      router.service(GatewayService, {
        async *streamGenerate(request, context) {
          for await (const step of gateway.play(request, context.requestHeader, context.signal)) {
            if (step === "cut") cut();
            if (isMessage(step, StreamGenerateResponseSchema)) yield step;
          }
        },
        listModels: () => {
          gateway.refuse();
          return { models: gateway.models };
        },
      });
      router.service(Health, { check: () => ({ status: gateway.state }) });
    },
  });
  const server = createHttp2Server(handler);
  server.on("session", (session) => sessions.add(session));
  return listening(server, cut);
}

export async function restDoor(gateway: FakeGateway): Promise<Door> {
  const server = createServer((request, response) => void answer(gateway, request, response));
  return listening(server, () => server.closeAllConnections());
}

/** A failure of the gateway's own, with its word for it. */
export function failure(code: Code, reason = "", message = "not yet"): ConnectError {
  const details = reason ? [{ desc: ErrorInfoSchema, value: { reason, domain: "triphase" } }] : [];
  return new ConnectError(message, code, undefined, details);
}

/** A promise that others fulfil. */
export function signal(): Promise<void> & { resolve(): void } {
  let resolve = () => {};
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return Object.assign(promise, { resolve: () => resolve() });
}

/** Starts a server on a free port of loopback. */
export async function listening(server: Server, cut: () => void): Promise<Door> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    const closed = once(server, "close");
    server.close();
    cut();
    await closed;
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** Answers as the REST shim does. */
export async function answer(gateway: FakeGateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const route = ROUTES[`${request.method} ${request.url}`];
    if (route === undefined) throw new ConnectError("there is no such route", Code.NotFound);
    await route(gateway, request, response);
  } catch (error) {
    const failed = ConnectError.from(error);
    if (!response.headersSent) {
      response.statusCode = HTTP_STATUS[failed.code] ?? 500;
      response.setHeader("Content-Type", "application/json");
    }
    response.end(ERROR_FRAMES[String(response.getHeader("Content-Type"))]?.(statusOf(failed)));
  }
}

const ERROR_FRAMES: Record<string, (error: JsonObject) => string> = {
  "text/event-stream": (error) => `data: ${JSON.stringify({ error })}\n\n`,
  "application/x-ndjson": (error) => line({ error }),
  "application/json": (error) => JSON.stringify(error),
};

const ROUTES: Record<string, (gateway: FakeGateway, request: IncomingMessage, response: ServerResponse) => unknown> = {
  "POST /triphase/v1/stream": stream,
  "GET /triphase/v1/models": (gateway, _request, response) => {
    gateway.refuse();
    json(response, toJson(ListModelsResponseSchema, create(ListModelsResponseSchema, { models: gateway.models })));
  },
  "GET /healthz": (gateway, _request, response) => {
    response.statusCode = gateway.state === Status.SERVING ? 200 : 503;
    json(response, { status: Status[gateway.state] });
  },
};

async function stream(gateway: FakeGateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const wanted = fromJson(StreamGenerateRequestSchema, JSON.parse(Buffer.concat(chunks).toString()));
  const gone = new AbortController();
  response.on("close", () => response.writableEnded || gone.abort());
  const sse = request.headers.accept === "text/event-stream";
  const headers = new Headers(request.headers as Record<string, string>);
  for await (const step of gateway.play(wanted, headers, gone.signal)) {
    if (!response.headersSent) response.setHeader("Content-Type", sse ? "text/event-stream" : "application/x-ndjson");
    if (step === "cut") response.destroy();
    else response.write(typeof step === "string" ? step : framed(step, sse));
  }
  response.end();
}

/** One event as the shim writes it. */
export function framed(event: StreamGenerateResponse, sse: boolean): string {
  const result = toJson(StreamGenerateResponseSchema, event);
  return sse ? `id: ${event.sequence}\ndata: ${JSON.stringify(result)}\n\n` : line({ result });
}

function line(frame: object): string {
  return `${JSON.stringify(frame)}\n`;
}

function json(response: ServerResponse, body: unknown): void {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(body));
}

function statusOf(error: ConnectError): JsonObject {
  const details = error.findDetails(ErrorInfoSchema).map((info) => ({
    "@type": `type.googleapis.com/${ErrorInfoSchema.typeName}`,
    ...(toJson(ErrorInfoSchema, info) as JsonObject),
  }));
  return { code: error.code, message: error.rawMessage, details };
}
