/**
 * When a call may be made again: only what the gateway never began.
 *
 * The gateway retries engines by itself, so a client repeats only calls that found no gateway: `UNAVAILABLE`, before
 * `started`, and not the word of an engine. Sans-IO: time and chance come in; `client.ts` waits.
 */
import { deadlineExceeded, type TriphaseError } from "./errors.js";

/** Bounds of retrying. */
export interface RetryPolicy {
  /** Calls in all. */
  readonly attempts: number;
  /** The first delay, in seconds; each one doubles. */
  readonly firstDelayS: number;
  /** The longest delay, in seconds. */
  readonly longestDelayS: number;
}

/** Three calls at most, 0.1 s and 0.2 s apart. */
export const DEFAULT_RETRY: RetryPolicy = { attempts: 3, firstDelayS: 0.1, longestDelayS: 2.0 };

/** One call, whatever becomes of it. */
export const NO_RETRY: RetryPolicy = { ...DEFAULT_RETRY, attempts: 1 };

/** Whether the same call may succeed without having been begun before. */
export function mayRepeat(error: TriphaseError): boolean {
  return error.code === "UNAVAILABLE" && !error.midway && !error.reason.startsWith("UPSTREAM_");
}

/**
 * Says how many seconds to wait after `tried` calls, or `undefined` where no other call may be made.
 *
 * `draw` is uniform in [0, 1): a delay is moved by up to 20 % so that clients do not come back in step. A gateway that
 * asks for longer than `longestDelayS` is believed: the caller learns of it at once.
 */
export function delayS(policy: RetryPolicy, error: TriphaseError, tried: number, draw: number): number | undefined {
  const askedS = error.retryAfterS ?? 0;
  if (tried >= policy.attempts || !mayRepeat(error) || askedS > policy.longestDelayS) return undefined;
  const backoffS = Math.min(policy.longestDelayS, policy.firstDelayS * 2 ** (tried - 1));
  return Math.max(askedS, backoffS * (0.8 + 0.4 * draw));
}

/** One call with its retries, under one deadline: times are seconds of any monotonic clock. */
export class Tries {
  readonly #policy: RetryPolicy;
  readonly #deadline: number;
  readonly #draw: () => number;
  #tried = 0;

  constructor(policy: RetryPolicy, timeoutS: number | undefined, now: number, draw: () => number = Math.random) {
    if (Number.isNaN(timeoutS)) throw new RangeError("timeoutS is not a number");
    this.#policy = policy;
    this.#deadline = now + (timeoutS ?? Number.POSITIVE_INFINITY);
    this.#draw = draw;
  }

  /** The seconds that are left for the next call, `Infinity` without a deadline; throws where none are. */
  leftS(now: number): number {
    if (now >= this.#deadline) throw deadlineExceeded();
    return this.#deadline - now;
  }

  /** How many seconds to wait before the next call; throws `error` where there is to be none. */
  pauseS(error: TriphaseError, now: number): number {
    this.#tried += 1;
    const pauseS = delayS(this.#policy, error, this.#tried, this.#draw());
    if (pauseS === undefined || now + pauseS >= this.#deadline) throw error;
    return pauseS;
  }
}
