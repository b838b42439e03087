/**
 * The client. Retries are decided in `retry.ts`, errors made in `errors.ts`; nothing here knows how bytes travel, which
 * is `node.ts` (gRPC) and `rest.ts` (HTTP), nor what events mean, which is `fold.ts`.
 *
 * A call is cancelled wherever its caller goes away: a `break`, an exception, an aborted signal.
 */
import { create, type DescMethodUnary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { type CallOptions as ConnectOptions, createClient, type Transport } from "@connectrpc/connect";
import { completedMissing, fromTransport, type TriphaseError } from "./errors.js";
import { Fold } from "./fold.js";
import { Health, HealthCheckRequestSchema, HealthCheckResponse_ServingStatus } from "./gen/grpc/health/v1/health_pb.js";
import {
  GatewayService,
  type GenerateResponse,
  type Model,
  type StreamGenerateResponse,
} from "./gen/triphase/gateway/v1/gateway_service_pb.js";
import { type Request, requestOf } from "./request.js";
import { DEFAULT_RETRY, NO_RETRY, type RetryPolicy, Tries } from "./retry.js";

/** What a service says of itself. */
export type HealthState = keyof typeof HealthCheckResponse_ServingStatus;

/** How a client makes its calls. */
export interface ClientOptions {
  /** Sent with every call, such as `{ authorization: "Bearer …" }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How calls that found no gateway are repeated; `null` = never. */
  readonly retry?: RetryPolicy | null;
}

/** How one call is made. */
export interface CallOptions {
  /** Cancels the call; what is thrown then is the signal's `reason`. */
  readonly signal?: AbortSignal;
  /** Seconds until the call fails with `DEADLINE_EXCEEDED`, retries included; absent = no bound. */
  readonly timeoutS?: number;
}

/** gRPC writes a timeout with at most eight digits: 27 hours in milliseconds. Whoever waits longer waits for ever. */
const LONGEST_TIMEOUT_MS = 99_999_999;
const UNARY_TIMEOUT_S = 10;

/** A client of one gateway, which `transport` reaches. It carries any number of calls at once. */
export class Client {
  readonly #transport: Transport;
  readonly #headers: Record<string, string>;
  readonly #retry: RetryPolicy;

  constructor(transport: Transport, { headers = {}, retry = DEFAULT_RETRY }: ClientOptions = {}) {
    this.#transport = transport;
    this.#headers = { ...headers };
    this.#retry = retry ?? NO_RETRY;
  }

  /**
   * Streams the events of one answer; to leave early, `break`.
   *
   * @throws {TriphaseError} The call failed; a `ProtocolError` where the stream ended without `completed`.
   */
  async *stream(request: Request, options: CallOptions = {}): AsyncGenerator<StreamGenerateResponse, void, undefined> {
    const wanted = requestOf(request);
    const service = createClient(GatewayService, this.#transport);
    const tries = new Tries(this.#retry, options.timeoutS, now());
    for (;;) {
      const call = new Call(options.signal);
      let last: StreamGenerateResponse | undefined;
      try {
        for await (const event of service.streamGenerate(wanted, this.#options(call, tries))) {
          last = event;
          yield event;
        }
        if (last?.event.case !== "completed") throw completedMissing();
        return;
      } catch (failure) {
        const pauseS = tries.pauseS(call.failed(failure, last !== undefined), now());
        await pause(pauseS, options.signal);
      } finally {
        call.end();
      }
    }
  }

  /**
   * Returns one answer whole: the fold of `stream`, with its arguments and errors.
   *
   * Not the RPC `Generate`: a stream with heartbeats outlives the proxies that cut a silent call.
   */
  async generate(request: Request, options: CallOptions = {}): Promise<GenerateResponse> {
    const fold = new Fold();
    for await (const event of this.stream(request, options)) fold.feed(event);
    return fold.response;
  }

  /** Lists the models that the caller may use, sorted by name; within 10 s unless `timeoutS` says otherwise. */
  async models(options: CallOptions = {}): Promise<Model[]> {
    return (await this.#unary(GatewayService.method.listModels, {}, options)).models;
  }

  /**
   * Asks how a service of the gateway is, or the gateway as a whole; within 10 s unless `timeoutS` says otherwise.
   *
   * @throws {TriphaseError} No answer, or `NOT_FOUND` for a service that the gateway does not have.
   */
  async health(service = "", options: CallOptions = {}): Promise<HealthState> {
    const { status } = await this.#unary(Health.method.check, create(HealthCheckRequestSchema, { service }), options);
    return (HealthCheckResponse_ServingStatus[status] as HealthState | undefined) ?? "UNKNOWN";
  }

  async #unary<Method extends DescMethodUnary>(
    method: Method,
    request: MessageInitShape<Method["input"]>,
    { signal, timeoutS = UNARY_TIMEOUT_S }: CallOptions,
  ): Promise<MessageShape<Method["output"]>> {
    const tries = new Tries(this.#retry, timeoutS, now());
    for (;;) {
      const call = new Call(signal);
      try {
        const { timeoutMs, headers } = this.#options(call, tries);
        const response = await this.#transport.unary(method, call.signal, timeoutMs, headers, request);
        return response.message as MessageShape<Method["output"]>;
      } catch (failure) {
        const pauseS = tries.pauseS(call.failed(failure), now());
        await pause(pauseS, signal);
      } finally {
        call.end();
      }
    }
  }

  #options(call: Call, tries: Tries): ConnectOptions {
    const timeoutMs = Math.ceil(tries.leftS(now()) * 1000);
    return {
      signal: call.signal,
      headers: this.#headers,
      ...(timeoutMs <= LONGEST_TIMEOUT_MS && { timeoutMs }),
    };
  }
}

/** One call on the wire: ends it when its caller goes away, and tells a cancellation from a failure. */
class Call {
  readonly #ours = new AbortController();
  readonly #theirs: AbortSignal | undefined;
  readonly #pass = () => this.#ours.abort(this.#theirs?.reason);

  constructor(theirs: AbortSignal | undefined) {
    theirs?.throwIfAborted();
    this.#theirs = theirs;
    theirs?.addEventListener("abort", this.#pass);
  }

  get signal(): AbortSignal {
    return this.#ours.signal;
  }

  /** The error to go on with; throws the reason of the caller's signal where the caller cancelled. */
  failed(failure: unknown, midway = false): TriphaseError {
    this.#theirs?.throwIfAborted();
    return fromTransport(failure, { midway });
  }

  end(): void {
    this.#theirs?.removeEventListener("abort", this.#pass);
    this.#ours.abort();
  }
}

/** Seconds of a monotonic clock. */
function now(): number {
  return performance.now() / 1000;
}

/** Waits, or throws the reason of the signal as soon as it is aborted. */
function pause(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
