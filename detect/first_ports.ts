/**
 * Sources of which one port is known: the waiting room of the slow rule.
 *
 * @module
 */

import { AddressHash } from "./hash.ts";

/** Sources remembered: 1 MiB. */
const CELL_BITS = 17;
/** Cells of a bucket, which are one half of a cache line. */
const WAY_BITS = 2;
const BUCKET_BITS = CELL_BITS - WAY_BITS;
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
 * Remembers the first port of many sources in 8 bytes each. A flood of forged
 * sources, each of which comes once, does not get further than here, so that it
 * pushes no slow scanner out of the table, and costs little.
 *
 * The oldest of a bucket makes room, but none that came a short time ago: where
 * all did, the new one is not remembered. So a flood cannot push out who is in,
 * and who probes again in time is found. What remains possible: a flood of more
 * than 360 sources a second lets in only a part of the probes (of a thousand a
 * second, about a third), so that a scan is found later, and one that waits
 * longer between its probes than a place is safe may be missed.
 *
 * 16 bits of the hash tell the sources of a bucket apart: by the time that two
 * are mixed up, one of them is a scanner.
 */
export class FirstPorts {
  /** The port that {@linkcode FirstPorts.take} has found. */
  port = 0;
  /** How long ago it was seen, in milliseconds, to the tick. */
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
   * Looks for a source, and remembers the port if it is not there and has room.
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
    const mixed = Math.imul(hash.bucket ^ (hash.bucket >>> 15), 0x9e3779b1);
    const first = (mixed >>> (32 - BUCKET_BITS)) * BUCKET_WORDS;
    const tag = hash.tag & TAG;
    const now = Math.floor(time / TICK_MS);
    const cells = this.#cells;
    let chosen = first;
    let oldest = -OLDEST;
    for (let at = first; at < first + BUCKET_WORDS; at += WORDS) {
      const seen = cells[at + TIME];
      const age = seen === FREE ? OLDEST : (now - seen) | 0;
      // If the clock went back, it is as good as new.
      if (seen !== FREE && (cells[at] & TAG) === tag && age >= 0) {
        this.port = cells[at + TAG_AND_PORT] & 0xffff;
        this.age = age * TICK_MS + (time - now * TICK_MS);
        return true;
      }
      if (age <= oldest) continue;
      oldest = age;
      chosen = at;
    }
    if (Math.abs(oldest) < SAFE_TICKS) return false;
    cells[chosen + TAG_AND_PORT] = tag | port;
    cells[chosen + TIME] = (now | 0) || 1;
    return false;
  }
}
