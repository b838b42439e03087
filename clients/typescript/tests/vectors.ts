/** The vectors that every language shares: `testdata/` at the root of the project. */
import { readdirSync, readFileSync } from "node:fs";
import { fromBinary, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { GenerateResponseSchema, type StreamGenerateResponse, StreamGenerateResponseSchema } from "../src/index.js";

/** The root of the project, seen from build/tests/. */
export const ROOT = new URL("../../../../", import.meta.url);
const EVENTS = new URL("testdata/events/", ROOT);

export interface Vector {
  readonly name: string;
  readonly events: JsonObject[];
  readonly wire?: string[];
  readonly expect: { readonly fold?: JsonObject; readonly error?: string };
}

export interface ErrorVector {
  readonly code: string;
  readonly reason: string;
}

export const VECTORS: Vector[] = readdirSync(EVENTS)
  .filter((name) => name.endsWith(".json"))
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, EVENTS), "utf-8")) as Vector);

export const ERRORS = JSON.parse(readFileSync(new URL("testdata/errors.json", ROOT), "utf-8")) as {
  readonly domain: string;
  readonly errors: ErrorVector[];
};

export function vector(name: string): Vector {
  const found = VECTORS.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`no vector is named ${name}`);
  return found;
}

export function eventsOf({ events }: Vector): StreamGenerateResponse[] {
  return events.map((event) => fromJson(StreamGenerateResponseSchema, event, { ignoreUnknownFields: true }));
}

export function wireOf({ wire = [] }: Vector): StreamGenerateResponse[] {
  return wire.map((event) => fromBinary(StreamGenerateResponseSchema, Buffer.from(event, "base64")));
}

export function foldOf({ expect }: Vector) {
  return expect.fold && fromJson(GenerateResponseSchema, expect.fold);
}

/** The worked transcript, which the comment of `StreamGenerateResponse` has. */
export const WORKED = eventsOf(vector("worked-transcript"));
