/**
 * What is remembered of each source: its first packet, what later ones changed,
 * and the ports.
 *
 * - A new source takes a free entry, else an outdated one, else one at random
 *   among the lightest: a flood of forged addresses, each seen once, pushes out
 *   its own kind and leaves a scanner, who has gathered weight.
 * - An outdated entry is found until another key takes it: whoever asks for a
 *   key asks {@linkcode SourceTable.isOutdated} next. Clocks go backwards.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";
import { XorShift } from "../hash.ts";
import { checkTableSize, ENTRY_BYTES, WAYS } from "./buckets.ts";
import { FirstPacketTable, IPV6_WORDS } from "./first_packets.ts";

// Words of a record behind those of the first packet. What an IPv4 source needs,
// with its first ports, is in one cache line, even if the memory starts 16 bytes
// behind a line as malloc's does. Those for IPv6 stand behind the ports.
/** A bit for each port in the list, many ports to a bit. */
const PORT_FILTER = 6;
/** How many ports the list holds, in half a word; the list follows it. */
const PORT_COUNT = 7;
/** What an entry takes besides its key: its time and weight. */
const STATE_BYTES = 8 + 2;

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
 * A bounded table of sources: under each key's number a record, which describes
 * its first packet, what later ones changed, and the ports.
 */
export class SourceTable extends FirstPacketTable {
  /** The same memory, for the ports. */
  readonly #halves: Uint16Array;
  readonly #stride: number;
  /** When each entry's last counted packet was seen, in milliseconds. */
  readonly #times: Float64Array;
  readonly #weights: Uint16Array;
  readonly #scanDelay: number;
  readonly #choice: XorShift;

  /** @throws {RangeError} If the table would take more than 1 GiB. */
  constructor({ sources, ports, scanDelay, random }: SourceTableOptions) {
    const capacity = 2 ** Math.ceil(Math.log2(sources));
    const ipv6 = PORT_COUNT + Math.ceil((1 + ports) / 2);
    const stride = roundUp(ipv6 + IPV6_WORDS, 16);
    checkTableSize(
      `${sources} sources of ${ports} ports each`,
      capacity * (stride * 4 + ENTRY_BYTES + STATE_BYTES),
    );
    const words = capacity * stride;
    const layout = { words, stride, ipv6, ipv6Stride: stride };
    super(capacity, random, layout);
    this.#halves = new Uint16Array(this.words.buffer);
    this.#stride = stride;
    this.#times = new Float64Array(capacity);
    this.#weights = new Uint16Array(capacity);
    this.#scanDelay = scanDelay;
    this.#choice = new XorShift(random());
  }

  override get byteLength(): number {
    return super.byteLength + this.#times.byteLength + this.#weights.byteLength;
  }

  /** Frees an entry. */
  remove(entry: number): void {
    this.tags.set(entry, 0);
    this.size--;
  }

  /** Whether an entry's last counted packet is too old, or in the future. */
  isOutdated(entry: number, time: number): boolean {
    const age = time - this.#times[entry];
    return age > this.#scanDelay || age < 0;
  }

  /**
   * The entry of a full bucket that goes: an outdated one, else one at random
   * among the lightest, each with the same chance (Knuth's R).
   */
  protected override victim(first: number, time: number): number {
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.isOutdated(entry, time)) return entry;
    }
    this.evicted++;
    const weights = this.#weights;
    let chosen = first;
    let ties = 1;
    for (let entry = first + 1; entry < first + WAYS; entry++) {
      const difference = weights[entry] - weights[chosen];
      if (difference > 0) continue;
      if (difference < 0) ties = 1;
      else if ((this.#choice.next() >>> 0) % ++ties !== 0) continue;
      chosen = entry;
    }
    return chosen;
  }

  // What each packet may come to.

  /** Writes what is remembered of a source's first packet, all but the key. */
  open(entry: number, segment: Segment, weight: number): void {
    const at = entry * this.#stride;
    this.openFirst(entry, segment);
    this.#times[entry] = segment.time;
    this.#weights[entry] = weight;
    this.words[at + PORT_FILTER] = 1 << segment.destinationPort;
    this.#halves[(at + PORT_COUNT) << 1] = 1;
    this.#halves[((at + PORT_COUNT) << 1) + 1] = segment.destinationPort;
  }

  /** Renews an entry: it is outdated a scan delay after this time. */
  renew(entry: number, time: number): void {
    this.#times[entry] = time;
  }

  /** An entry's weight. */
  weight(entry: number): number {
    return this.#weights[entry];
  }

  /** Adds to an entry's weight; returns the sum. */
  addWeight(entry: number, weight: number): number {
    return this.#weights[entry] += weight;
  }

  /** Whether an entry's list holds a port. */
  hasPort(entry: number, port: number): boolean {
    const record = entry * this.#stride;
    // Saves most new ports the walk. (<< takes its right side modulo 32.)
    if ((this.words[record + PORT_FILTER] & (1 << port)) === 0) return false;
    const halves = this.#halves;
    const at = (record + PORT_COUNT) << 1;
    for (let i = halves[at]; i > 0; i--) {
      if (halves[at + i] === port) return true;
    }
    return false;
  }

  /** Adds a port to an entry's list, which must have room. */
  addPort(entry: number, port: number): void {
    const record = entry * this.#stride;
    const halves = this.#halves;
    const at = (record + PORT_COUNT) << 1;
    const count = halves[at] + 1;
    halves[at] = count;
    halves[at + count] = port;
    this.words[record + PORT_FILTER] |= 1 << port;
  }

  // How a scan is described.

  /** How many ports an entry's list holds. */
  portCount(entry: number): number {
    return this.#halves[(entry * this.#stride + PORT_COUNT) << 1];
  }

  /** An entry's ports, in the order seen. */
  ports(entry: number): number[] {
    const start = ((entry * this.#stride + PORT_COUNT) << 1) + 1;
    return Array.from(
      this.#halves.subarray(start, start + this.portCount(entry)),
    );
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
