/**
 * gRPC in Node: the transport to a gateway's own port. Browsers cannot speak gRPC; theirs is `rest.ts`.
 *
 * Credentials are the caller's: `https:` encrypts, and `nodeOptions` takes what `node:http2` takes, such as `ca`.
 */
import type { ClientSessionOptions, SecureClientSessionOptions } from "node:http2";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

/** Where a gateway listens unless it is told otherwise. */
export const DEFAULT_URL = "http://127.0.0.1:50051";

/** Options of the connection. */
export interface GrpcOptions {
  /** What `http2.connect` takes: certificates, a socket of one's own. */
  readonly nodeOptions?: ClientSessionOptions | SecureClientSessionOptions;
}

/** A transport with a connection that can be closed. */
export interface GrpcTransport extends Transport {
  /** Closes the connection; calls that still run fail. The next call opens another. */
  close(): void;
}

/** One event is small, but raw thoughts that became ready together leave as one. */
const MAX_RECEIVE_BYTES = 16 * 1024 * 1024;

/** Opens no connection yet: the first call does. `url` is `http://host:port`, or `https://host:port` for TLS. */
export function grpcTransport(url: string = DEFAULT_URL, { nodeOptions }: GrpcOptions = {}): GrpcTransport {
  const sessions = new Http2SessionManager(
    url,
    // A model may think for minutes. Pings find a dead network; heartbeats of the gateway keep them welcome.
    { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 },
    nodeOptions,
  );
  const transport = createGrpcTransport({
    baseUrl: url,
    sessionManager: sessions,
    // An event has some fifty bytes: compressing each costs more than it saves, at both ends.
    acceptCompression: [],
    readMaxBytes: MAX_RECEIVE_BYTES,
  });
  return { ...transport, close: () => sessions.abort() };
}
