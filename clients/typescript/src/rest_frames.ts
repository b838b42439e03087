/**
 * Bytes of a streamed HTTP response become frames, one JSON text each: NDJSON by lines, server-sent events by `data`.
 *
 * Sans-IO: `feed` takes the bytes as they come, cut anywhere, within a character too. Whatever buffers has a limit. What a
 * frame means is `rest.ts`.
 */
import { Code, ConnectError } from "@connectrpc/connect";

/** Raw thoughts that became ready together leave as one frame, so frames may be large, but not without bound. */
export const MAX_FRAME_CHARACTERS = 16 * 1024 * 1024;

const LINE_END = /\r\n|\n|\r/;

/** Cuts a response into frames. */
export interface Frames {
  /** Takes bytes, and returns the frames that they complete. */
  feed(bytes: Uint8Array): string[];
  /** Says that the response ended; throws where it ended within a frame. */
  close(): void;
}

/** Chooses by the content type of the response. */
export function framesOf(contentType: string): Frames {
  return contentType.startsWith("text/event-stream") ? new EventStreamFrames() : new LineFrames();
}

class Lines {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #rest = "";

  feed(bytes: Uint8Array): string[] {
    const text = this.#rest + this.#decode(bytes);
    // A CR at the end may be half of a CRLF: the rest of it decides.
    const whole = text.endsWith("\r") ? text.slice(0, -1) : text;
    const lines = whole.split(LINE_END);
    this.#rest = (lines.pop() ?? "") + text.slice(whole.length);
    bounded(this.#rest);
    return lines;
  }

  /** What stands after the last line end. */
  get rest(): string {
    return this.#rest;
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw new ConnectError("the response is not UTF-8", Code.DataLoss, undefined, undefined, cause);
    }
  }
}

class LineFrames implements Frames {
  readonly #lines = new Lines();

  feed(bytes: Uint8Array): string[] {
    return this.#lines.feed(bytes).filter((line) => line.trim() !== "");
  }

  close(): void {
    if (this.#lines.rest.trim() !== "") throw cutWithin();
  }
}

/** The rules of https://html.spec.whatwg.org/multipage/server-sent-events.html; only `data` matters to us. */
class EventStreamFrames implements Frames {
  readonly #lines = new Lines();
  #data: string[] = [];

  feed(bytes: Uint8Array): string[] {
    return this.#lines.feed(bytes).flatMap((line) => this.#line(line));
  }

  close(): void {
    if (this.#lines.rest !== "" || this.#data.length > 0) throw cutWithin();
  }

  #line(line: string): string[] {
    if (line === "") {
      const data = this.#data;
      this.#data = [];
      return data.length > 0 ? [data.join("\n")] : [];
    }
    const [, name, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "data") {
      this.#data.push(value ?? "");
      bounded(this.#data);
    }
    return [];
  }
}

function bounded(held: string | readonly string[]): void {
  const characters = typeof held === "string" ? held.length : held.reduce((sum, { length }) => sum + length, 0);
  if (characters > MAX_FRAME_CHARACTERS) throw new ConnectError("a frame is too large", Code.ResourceExhausted);
}

function cutWithin(): ConnectError {
  return new ConnectError("the response ended within a frame", Code.Unavailable);
}
