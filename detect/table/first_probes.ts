/**
 * The first port that each source has probed, for when its record has to go.
 *
 * @module
 */

import { AddressHash } from "../hash.ts";

/** Sources remembered: twice as many as records, and 1 MiB at most. */
const MOST_CELL_BITS = 17;
const FEWEST_CELL_BITS = 10;
/** Cells of a bucket, which are one half of a cache line. */
const WAY_BITS = 2;
// Words of a cell.
const TAG_AND_PORT = 0;
/** In {@linkcode TICK_MS}, modulo 2^32, which is 8 years; or {@linkcode FREE}. */
const TIME = 1;
const WORDS = 2;
const BUCKET_WORDS = WORDS << WAY_BITS;
const FREE = 0;
const TAG = 0xffff0000 | 0;

/** Seconds begin with a tick, so that a time keeps its second. */
const TICK_MS = 62.5;
/** Five minutes, nmap's pause with -T0, and a fifth more. */
const SAFE_TICKS = 360_000 / TICK_MS;
const OLDEST = 0x7fff_ffff;

/**
 * Remembers the first port of many sources in 8 bytes each, so that a flood of
 * forged sources, each of which comes once, makes no slow scanner forgotten.
 *
 * The oldest of a bucket makes room, but none that came a short time ago: where
 * all did, the one that comes is not remembered. So a flood cannot push out who
 * is in, and who probes again in time is found. What remains possible: a flood
 * of more than 360 sources a second lets in only a part of the probes (of a
 * thousand a second, about a third), so that a scan is found later, and one that
 * waits longer between its probes than a place is safe may be missed.
 *
 * 16 bits of the hash tell the sources of a bucket apart: by the time that two
 * are mixed up, one of them is a scanner.
 */
export class FirstProbes {
  /** The port that {@linkcode FirstProbes.find} has found. */
  port = 0;
  /** How long ago it was seen, in milliseconds, to the tick. */
  age = 0;
  readonly #cells: Int32Array;
  readonly #shift: number;
  readonly #hash: AddressHash;
  #first = 0;
  #tag = 0;

  /**
   * @param records How many sources have a record.
   * @param random A source of secrets: 32 random bits at each call.
   */
  constructor(records: number, random: () => number) {
    const wanted = Math.ceil(Math.log2(records)) + 1;
    const bits = Math.min(Math.max(wanted, FEWEST_CELL_BITS), MOST_CELL_BITS);
    this.#cells = new Int32Array(WORDS << bits);
    this.#shift = 32 - (bits - WAY_BITS);
    this.#hash = new AddressHash(random);
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#cells.byteLength;
  }

  /** Looks for a source, which is what is remembered next. */
  find(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    time: number,
  ): boolean {
    const hash = this.#hash;
    hash.of(w0, w1, w2, w3);
    const mixed = Math.imul(hash.bucket ^ (hash.bucket >>> 15), 0x9e3779b1);
    this.#first = (mixed >>> this.#shift) * BUCKET_WORDS;
    this.#tag = hash.tag & TAG;
    const cells = this.#cells;
    const now = Math.floor(time / TICK_MS);
    const end = this.#first + BUCKET_WORDS;
    for (let at = this.#first; at < end; at += WORDS) {
      const seen = cells[at + TIME];
      const age = (now - seen) | 0;
      // If the clock went back, it is as good as new.
      if (seen === FREE || (cells[at] & TAG) !== this.#tag || age < 0) continue;
      this.port = cells[at + TAG_AND_PORT] & 0xffff;
      this.age = age * TICK_MS + (time - now * TICK_MS);
      return true;
    }
    return false;
  }

  /**
   * Remembers the source that was just looked for, if there is room: what was
   * known of it is of no use any more.
   */
  remember(port: number, time: number): void {
    const cells = this.#cells;
    const now = Math.floor(time / TICK_MS);
    const end = this.#first + BUCKET_WORDS;
    let chosen = this.#first;
    let oldest = -OLDEST;
    for (let at = this.#first; at < end; at += WORDS) {
      const seen = cells[at + TIME];
      const isOwn = (cells[at] & TAG) === this.#tag;
      const age = seen === FREE || isOwn ? OLDEST : (now - seen) | 0;
      if (age <= oldest) continue;
      oldest = age;
      chosen = at;
    }
    if (Math.abs(oldest) < SAFE_TICKS) return;
    cells[chosen + TAG_AND_PORT] = this.#tag | port;
    cells[chosen + TIME] = (now | 0) || 1;
  }
}
