/**
 * The sources that are being watched: a table that never grows.
 *
 * @module
 */

import { AddressHash, XorShift } from "./hash.ts";
import type { Segment } from "./segment.ts";

/**
 * Entries that share a bucket. Their tags fill one cache line, and a bucket of
 * sixteen overflows rarely: at a third of the capacity once in 10^5.
 */
const WAYS = 16;

// Words of a record. A record of the default size is two cache lines.
/** Source address: four words, masked if sources count per prefix. */
export const KEY = 0;
/** Destination address of the first packet: four words. */
export const DESTINATION = 4;
/** Index of the first packet's wall time (a double: two words). */
export const FIRST_SEEN = 8;
/** How many ports the list holds. */
export const PORT_COUNT = 10;
/** Or of all counted packets' flags. */
export const FLAGS_OR = 11;
/** And of all counted packets' flags. */
export const FLAGS_AND = 12;
/** Which fields changed: an or of the `CHANGED_` constants. */
export const CHANGED = 13;
/** Source port of the first packet. */
export const SOURCE_PORT = 14;
/** TOS and TTL of the first packet: `tos << 8 | ttl`. */
export const TOS_TTL = 15;
/** Source address of the first packet, unmasked: four words. */
export const SOURCE = 16;
/** The ports, two a word. */
export const PORTS = 20;

/** The destination address changed. */
export const CHANGED_DESTINATION = 1;
/** The source port changed. */
export const CHANGED_SOURCE_PORT = 2;
/** The TOS changed. */
export const CHANGED_TOS = 4;
/** The TTL changed. */
export const CHANGED_TTL = 8;
/** The source address changed inside its prefix. */
export const CHANGED_SOURCE = 16;

/** Most memory that a table may take, in bytes. */
const MAX_TABLE_BYTES = 1 << 30;

/** How large a table is to be. */
export interface SourceTableOptions {
  /** Sources remembered, rounded up to a power of two. */
  sources: number;
  /** Ports remembered of each source. */
  ports: number;
  /** After how many milliseconds without a counted packet an entry is outdated. */
  scanDelay: number;
  /** A source of secrets: 32 random bits at each call. */
  random: () => number;
}

/**
 * A bounded table of sources, in buckets chosen by a keyed hash: nobody outside
 * can choose addresses that meet in one bucket. When a bucket is full, an
 * outdated entry makes room, else one at random among the lightest: a flood of
 * spoofed addresses, each seen once, pushes out its own kind and leaves the
 * scanner that has gathered weight.
 */
export class SourceTable {
  /** All records, {@linkcode SourceTable.stride} words each. */
  readonly words: Int32Array;
  /** The same memory, for {@linkcode FIRST_SEEN}. */
  readonly doubles: Float64Array;
  /** The same memory, for the ports. */
  readonly halves: Uint16Array;
  /** When each entry's last counted packet was seen, in milliseconds. */
  readonly times: Float64Array;
  /** Each entry's weight. */
  readonly weights: Int32Array;
  /** Words of a record. */
  readonly stride: number;
  /** Sources that fit. */
  readonly capacity: number;
  /** Live entries that were forgotten because their bucket was full. */
  evicted = 0;
  /** Entries in use, outdated ones included. */
  size = 0;

  /** Zero: the entry is free. */
  readonly #tags: Int32Array;
  readonly #shift: number;
  readonly #scanDelay: number;
  readonly #hash: AddressHash;
  readonly #choice: XorShift;

  /** @throws {RangeError} If the table would take more than 1 GiB. */
  constructor({ sources, ports, scanDelay, random }: SourceTableOptions) {
    this.capacity = 2 ** Math.ceil(Math.log2(sources));
    this.stride = roundUp(PORTS + Math.ceil(ports / 2), 16);
    const bytes = this.capacity * (this.stride + 4) * 4;
    if (bytes > MAX_TABLE_BYTES) {
      throw new RangeError(
        `Cannot allocate the source table: ${sources} sources of ${ports} ports each would take ${
          Math.ceil(bytes / 2 ** 20)
        } MiB, at most ${
          MAX_TABLE_BYTES / 2 ** 20
        } MiB are allowed; lower sources, minPorts or privilegedWeight`,
      );
    }
    this.words = new Int32Array(this.capacity * this.stride);
    this.doubles = new Float64Array(this.words.buffer);
    this.halves = new Uint16Array(this.words.buffer);
    this.times = new Float64Array(this.capacity);
    this.weights = new Int32Array(this.capacity);
    this.#tags = new Int32Array(this.capacity);
    this.#shift = 32 - Math.log2(this.capacity / WAYS);
    this.#scanDelay = scanDelay;
    this.#hash = new AddressHash(random);
    this.#choice = new XorShift(random());
  }

  /** The memory of the table, in bytes. */
  get byteLength(): number {
    return this.words.byteLength + this.times.byteLength +
      this.weights.byteLength + this.#tags.byteLength;
  }

  /** Where an entry's record starts in {@linkcode SourceTable.words}. */
  record(entry: number): number {
    return entry * this.stride;
  }

  /**
   * Finds the entry of a source.
   *
   * @returns Its number, or -1.
   */
  find(w0: number, w1: number, w2: number, w3: number): number {
    this.#hash.of(w0, w1, w2, w3);
    const tag = this.#hash.tag || 1;
    const first = this.#bucket();
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.#tags[entry] !== tag) continue;
      const at = entry * this.stride + KEY;
      if (
        this.words[at + 3] === w3 && this.words[at + 2] === w2 &&
        this.words[at + 1] === w1 && this.words[at] === w0
      ) return entry;
    }
    return -1;
  }

  #bucket(): number {
    // >>> takes its right side modulo 32: a table of one bucket is special.
    return this.#shift === 32 ? 0 : (this.#hash.bucket >>> this.#shift) * WAYS;
  }

  /**
   * Opens an entry for a source that has none.
   *
   * @param time The time by which entries are outdated.
   * @returns Its number. The caller fills in all of the record but the key.
   */
  insert(w0: number, w1: number, w2: number, w3: number, time: number): number {
    this.#hash.of(w0, w1, w2, w3);
    const entry = this.#victim(this.#bucket(), time);
    this.#tags[entry] = this.#hash.tag || 1;
    const at = entry * this.stride + KEY;
    this.words[at] = w0;
    this.words[at + 1] = w1;
    this.words[at + 2] = w2;
    this.words[at + 3] = w3;
    return entry;
  }

  /** Frees an entry. */
  remove(entry: number): void {
    this.#tags[entry] = 0;
    this.size--;
  }

  /** Whether an entry's last counted packet is too old, or in the future. */
  isOutdated(entry: number, time: number): boolean {
    const age = time - this.times[entry];
    return age > this.#scanDelay || age < 0;
  }

  /** The entry of a bucket that a new source takes. */
  #victim(first: number, time: number): number {
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.#tags[entry] === 0) {
        this.size++;
        return entry;
      }
    }
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.isOutdated(entry, time)) return entry;
    }
    this.evicted++;
    return this.#lightest(first);
  }

  /** One at random among the lightest: each has the same chance (Knuth's R). */
  #lightest(first: number): number {
    let chosen = first;
    let ties = 1;
    for (let entry = first + 1; entry < first + WAYS; entry++) {
      const difference = this.weights[entry] - this.weights[chosen];
      if (difference > 0) continue;
      if (difference < 0) ties = 1;
      else if ((this.#choice.next() >>> 0) % ++ties !== 0) continue;
      chosen = entry;
    }
    return chosen;
  }

  /** Writes what is remembered of a source's first packet. */
  open(entry: number, segment: Segment, weight: number): void {
    const { words } = this;
    const at = entry * this.stride;
    words[at + DESTINATION] = segment.destination0;
    words[at + DESTINATION + 1] = segment.destination1;
    words[at + DESTINATION + 2] = segment.destination2;
    words[at + DESTINATION + 3] = segment.destination3;
    this.doubles[(at + FIRST_SEEN) >> 1] = segment.wallTime;
    words[at + PORT_COUNT] = 1;
    words[at + FLAGS_OR] = words[at + FLAGS_AND] = segment.flags;
    words[at + CHANGED] = 0;
    words[at + SOURCE_PORT] = segment.sourcePort;
    words[at + TOS_TTL] = (segment.tos << 8) | segment.ttl;
    words[at + SOURCE] = segment.source0;
    words[at + SOURCE + 1] = segment.source1;
    words[at + SOURCE + 2] = segment.source2;
    words[at + SOURCE + 3] = segment.source3;
    this.halves[(at + PORTS) << 1] = segment.destinationPort;
    this.times[entry] = segment.time;
    this.weights[entry] = weight;
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
