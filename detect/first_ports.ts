/**
 * Sources of which one port is known: the waiting room of the slow rule.
 *
 * @module
 */

import { AddressHash } from "./hash.ts";

/** Sources remembered: 1 MiB. */
const CELL_BITS = 17;
// Words of a cell.
const TAG_AND_PORT = 0;
/** Milliseconds modulo 2^32: what lasts a month does not wrap around. */
const TIME = 1;
const WORDS = 2;

/**
 * Remembers the first port of many sources in 8 bytes each. A flood of forged
 * sources, each of which comes once, does not get further than here, so that it
 * pushes no slow scanner out of the table, and costs little.
 *
 * A source stands where its hash says, and the next one that belongs there takes
 * its place. 16 bits of the hash tell sources apart: by the time that two are
 * mixed up, one of them is a scanner.
 */
export class FirstPorts {
  /** The port that {@linkcode FirstPorts.take} has found. */
  port = 0;
  /** How long ago it was seen, in milliseconds. */
  age = 0;
  readonly #cells = new Int32Array(WORDS << CELL_BITS);
  readonly #hash: AddressHash;

  /** @param random A source of secrets: 32 random bits at each call. */
  constructor(random: () => number) {
    this.#hash = new AddressHash(random);
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#cells.byteLength;
  }

  /**
   * Looks for a source, and remembers the port if it is not there.
   *
   * @returns Whether it was there.
   */
  take(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    port: number,
    time: number,
  ): boolean {
    const hash = this.#hash;
    hash.of(w0, w1, w2, w3);
    const cells = this.#cells;
    const mixed = Math.imul(hash.bucket ^ (hash.bucket >>> 15), 0x9e3779b1);
    const at = (mixed >>> (32 - CELL_BITS)) * WORDS;
    // The lowest bit is set: a free cell has no tag.
    const tag = (hash.tag & 0xffff0000) | 0x10000;
    const cell = cells[at + TAG_AND_PORT];
    if ((cell & 0xffff0000) === tag) {
      this.port = cell & 0xffff;
      this.age = (time - cells[at + TIME]) >>> 0;
      return true;
    }
    cells[at + TAG_AND_PORT] = tag | port;
    cells[at + TIME] = time;
    return false;
  }
}
