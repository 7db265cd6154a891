/**
 * What the fuzzer feeds: a part of the program that takes hostile input, with
 * what must hold whatever the input is.
 *
 * @module
 */

import type { Bytes } from "../packets.ts";
import type { Random } from "../random.ts";

/** What is counted of a target's inputs. */
export type Unit = "packets" | "files" | "texts" | "fragments";

/** What became of an input that broke nothing. */
export interface Outcome {
  /** How many units it held. */
  units: number;
  /**
   * What came of it, in few words. An input whose signature was not seen before
   * is worth being varied.
   */
  signature: string;
}

/** A part of the program under fuzz. */
export interface Target {
  /** Its name on the command line; its folder in the corpus. */
  readonly name: string;
  /** What its inputs consist of. */
  readonly unit: Unit;
  /** Where the code is that its inputs are to reach. */
  readonly code: readonly string[];
  /** Inputs to begin with, besides those in the corpus. */
  seeds(): Iterable<Bytes>;
  /** Makes an input with structure. */
  generate(random: Random): Bytes;
  /** Varies an input; left out: any bytes of it are changed. */
  mutate?(random: Random, input: Bytes, other: Bytes): Bytes;
  /**
   * Runs an input. The same bytes give the same run.
   *
   * @throws {Error} If something does not hold, or threw what it must not.
   */
  run(input: Bytes): Outcome | Promise<Outcome>;
  /** Frees what it holds outside of memory. */
  close?(): void;
}

/** A number in steps of powers of two, for signatures. */
export function magnitude(value: number): number {
  return value <= 0 ? 0 : Math.floor(Math.log2(value)) + 1;
}

/** A message without what differs from input to input. */
export function shape(message: string): string {
  return message
    .replace(/"[^]*"/, '""')
    .replaceAll(/\d+/g, "0")
    .slice(0, 80);
}

/** A number from all bytes of an input (FNV-1a). */
export function hashOf(input: Bytes): number {
  let hash = 0x811c9dc5;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
