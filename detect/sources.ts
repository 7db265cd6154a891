/**
 * What is remembered of each source: its first packet, what later ones changed,
 * and the ports.
 *
 * @module
 */

import { isIpv4Mapped } from "./address.ts";
import { BucketTable, ENTRY_BYTES } from "./buckets.ts";
import type { Protocol } from "./report.ts";
import type { Segment } from "./segment.ts";

// These constants are not exported: V8 folds a module's own constants, but loads
// and checks exported ones at each use.

const MAPPED = 0xffff; // IPV4_MAPPED

// Words of a record. What an IPv4 source needs, with its first ports, is in one
// cache line, even if the memory starts 16 bytes behind a line as malloc's does.
/** The first packet's wall time (a double: two words). */
const FIRST_SEEN = 0;
/** Last word of the first packet's destination address. */
const DESTINATION3 = 2;
/** Or of all counted packets' flags, `and << 8`, and the bits below. */
const FLAGS = 3;
/** The first packet: `source port << 16 | TOS << 8 | TTL`. */
const FIXED = 4;
/** Or of what differs from it (exclusive or) in counted packets. */
const DIFFERENCES = 5;
/** A bit for each port in the list, many ports to a bit. */
const PORT_FILTER = 6;
/** How many ports the list holds, in half a word; the list follows it. */
const PORT_COUNT = 7;

// Words behind the ports, only used if the first packet was IPv6.
/** The other words of the first packet's destination address. */
const DESTINATION = 0;
/** Source address of the first packet, unmasked: four words. */
const SOURCE = 3;
const IPV6_WORDS = 7;

// The upper half of FLAGS.
const CHANGED_DESTINATION = 1 << 16;
const CHANGED_SOURCE = 1 << 17;
/** The first packet was IPv6. */
const IS_IPV6 = 1 << 18;
/** How sure it is that the source is no forgery: two bits. */
const STANDING_SHIFT = 19;
/** The probes' protocol: two bits. */
const PROTOCOL_SHIFT = 21;
/** Another source sent one of its probes, too. */
const IS_SHARED = 1 << 23;
/** Where the entry's scan is followed, counted from one; 0: nowhere. */
const PLACE_SHIFT = 24;
/** How many places there can be. */
export const MAX_PLACES = 255;

const PROTOCOLS: readonly Protocol[] = ["tcp", "udp", "sctp"];

/** The type of service and the time to live, in FIXED and DIFFERENCES. */
const HEADER_FIELDS = 0xffff;

/** Nothing tells that the source is real. */
export const SEEN = 0;
/** It sent a bare RST with the right sequence number. */
export const ANSWERED = 1;
/** It knew our sequence number. */
export const VERIFIED = 2;

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

/** What was not the same in all of a source's packets. */
export interface Changes {
  /** Its address, inside its prefix. */
  readonly source: boolean;
  /** The destination address. */
  readonly destination: boolean;
  /** The source port. */
  readonly sourcePort: boolean;
  /** The type of service. */
  readonly tos: boolean;
  /** The time to live. */
  readonly ttl: boolean;
}

/**
 * A bounded table of sources: under each key's number a record, which describes
 * its first packet, what later ones changed, and the ports.
 */
export class SourceTable extends BucketTable {
  /** All records, `#stride` words each. */
  readonly #words: Int32Array;
  /** The same memory, for {@linkcode FIRST_SEEN}. */
  readonly #doubles: Float64Array;
  /** The same memory, for the ports. */
  readonly #halves: Uint16Array;
  readonly #stride: number;
  /** Where in a record a bit for each port of the list stands: it answered. */
  readonly #answered: number;
  /** Where in a record the words for IPv6 start. */
  readonly #ipv6: number;

  /** @throws {RangeError} If the table would take more than 1 GiB. */
  constructor({ sources, ports, scanDelay, random }: SourceTableOptions) {
    const capacity = 2 ** Math.ceil(Math.log2(sources));
    const answered = PORT_COUNT + Math.ceil((1 + ports) / 2);
    const ipv6 = answered + Math.ceil(ports / 32);
    const stride = roundUp(ipv6 + IPV6_WORDS, 16);
    const bytes = capacity * (stride * 4 + ENTRY_BYTES);
    if (bytes > MAX_TABLE_BYTES) {
      throw new RangeError(
        `Cannot allocate the source table: ${sources} sources of ${ports} ports each would take ${
          Math.ceil(bytes / 2 ** 20)
        } MiB, at most ${
          MAX_TABLE_BYTES / 2 ** 20
        } MiB are allowed; lower sources, minPorts or privilegedWeight`,
      );
    }
    super(capacity, scanDelay, random);
    this.#words = new Int32Array(capacity * stride);
    this.#doubles = new Float64Array(this.#words.buffer);
    this.#halves = new Uint16Array(this.#words.buffer);
    this.#stride = stride;
    this.#answered = answered;
    this.#ipv6 = ipv6;
  }

  /** The memory of the table, in bytes. */
  get byteLength(): number {
    return this.tags.byteLength + this.keys.byteLength +
      this.prefixes.byteLength + this.times.byteLength +
      this.weights.byteLength + this.#words.byteLength;
  }

  // What each packet may come to.

  /** Writes what is remembered of a source's first packet, all but the key. */
  open(entry: number, segment: Segment, weight: number): void {
    const words = this.#words;
    const at = entry * this.#stride;
    const { flags } = segment;
    this.times[entry] = segment.time;
    this.weights[entry] = weight;
    this.#doubles[(at + FIRST_SEEN) >> 1] = segment.wallTime;
    words[at + DESTINATION3] = segment.destination3;
    words[at + FLAGS] = (flags << 8) | flags;
    words[at + FIXED] = fixedOf(segment);
    words[at + DIFFERENCES] = 0;
    words[at + PORT_FILTER] = 1 << segment.destinationPort;
    this.#halves[(at + PORT_COUNT) << 1] = 1;
    this.#halves[((at + PORT_COUNT) << 1) + 1] = segment.destinationPort;
    words[at + this.#answered] = 0;
    if (this.#ipv6 - this.#answered > 1) this.#clearAnswered(at);
    if (segment.version !== 4) this.#openIpv6(at, segment);
  }

  /** Renews an entry: it is outdated a scan delay after this time. */
  renew(entry: number, time: number): void {
    this.times[entry] = time;
  }

  /** An entry's weight. */
  weight(entry: number): number {
    return this.weights[entry];
  }

  /** Adds to an entry's weight; returns the sum. */
  addWeight(entry: number, weight: number): number {
    return this.weights[entry] += weight;
  }

  /** Whether an entry's list holds a port. */
  hasPort(entry: number, port: number): boolean {
    const record = entry * this.#stride;
    // Saves most new ports the walk. (<< takes its right side modulo 32.)
    if ((this.#words[record + PORT_FILTER] & (1 << port)) === 0) return false;
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
    this.#words[record + PORT_FILTER] |= 1 << port;
  }

  /** Takes a further packet's flags into an entry. */
  mergeFlags(entry: number, flags: number): void {
    const words = this.#words;
    const at = entry * this.#stride + FLAGS;
    words[at] = (words[at] | flags) & ~((~flags & 0xff) << 8);
  }

  /** Takes into an entry what differs from its first packet. */
  mergeChanges(entry: number, segment: Segment): void {
    const words = this.#words;
    const at = entry * this.#stride;
    // Scanners vary these at random: no branch could be foreseen.
    words[at + DIFFERENCES] |= words[at + FIXED] ^ fixedOf(segment);
    if (words[at + DESTINATION3] !== segment.destination3) {
      words[at + FLAGS] |= CHANGED_DESTINATION;
    }
    if (segment.version !== 4 || (words[at + FLAGS] & IS_IPV6) !== 0) {
      words[at + FLAGS] |= this.#changesIpv6(entry, segment);
    }
  }

  #clearAnswered(record: number): void {
    this.#words.fill(0, record + this.#answered, record + this.#ipv6);
  }

  #openIpv6(record: number, segment: Segment): void {
    const words = this.#words;
    const at = record + this.#ipv6;
    words[record + FLAGS] |= IS_IPV6;
    words[at + DESTINATION] = segment.destination0;
    words[at + DESTINATION + 1] = segment.destination1;
    words[at + DESTINATION + 2] = segment.destination2;
    words[at + SOURCE] = segment.source0;
    words[at + SOURCE + 1] = segment.source1;
    words[at + SOURCE + 2] = segment.source2;
    words[at + SOURCE + 3] = segment.source3;
  }

  /** Compares the words that {@linkcode SourceTable.mergeChanges} does not. */
  #changesIpv6(entry: number, segment: Segment): number {
    const words = this.#words;
    const record = entry * this.#stride;
    const isIpv6 = (words[record + FLAGS] & IS_IPV6) !== 0;
    const at = record + this.#ipv6 + DESTINATION;
    // An IPv4-mapped source can send IPv6 too, so both families may meet here.
    const isSameDestination = isIpv6
      ? words[at + 2] === segment.destination2 &&
        words[at + 1] === segment.destination1 &&
        words[at] === segment.destination0
      : isIpv4Mapped(
        segment.destination0,
        segment.destination1,
        segment.destination2,
      );
    const source = record + this.#ipv6 + SOURCE;
    // No prefix of an IPv4 source counts: its key is its address.
    const isSameSource = !isIpv6 ||
      words[source + 3] === segment.source3 &&
        words[source + 2] === segment.source2 &&
        words[source + 1] === segment.source1 &&
        words[source] === segment.source0;
    return (isSameDestination ? 0 : CHANGED_DESTINATION) |
      (isSameSource ? 0 : CHANGED_SOURCE);
  }

  // What rules ask beyond that.

  /** Hands all entries to {@linkcode BucketTable.onForget}; they stay. */
  forgetAll(): void {
    for (let entry = 0; entry < this.times.length; entry++) {
      if (this.tags.get(entry) !== 0) this.onForget?.(entry);
    }
  }

  /** When an entry's last counted packet was seen, in milliseconds. */
  time(entry: number): number {
    return this.times[entry];
  }

  /** Sets an entry's weight. */
  setWeight(entry: number, weight: number): void {
    this.weights[entry] = weight;
  }

  /** Takes back from an entry's weight. */
  takeWeight(entry: number, weight: number): void {
    this.weights[entry] = Math.max(0, this.weights[entry] - weight);
  }

  /** How many ports an entry's list holds. */
  portCount(entry: number): number {
    return this.#halves[(entry * this.#stride + PORT_COUNT) << 1];
  }

  /** The port at an index of an entry's list. */
  portAt(entry: number, index: number): number {
    return this.#halves[((entry * this.#stride + PORT_COUNT) << 1) + 1 + index];
  }

  /** An entry's ports, in the order seen. */
  ports(entry: number): number[] {
    const start = ((entry * this.#stride + PORT_COUNT) << 1) + 1;
    return Array.from(
      this.#halves.subarray(start, start + this.portCount(entry)),
    );
  }

  /** Where in an entry's list a port stands, or -1. */
  portIndex(entry: number, port: number): number {
    const start = ((entry * this.#stride + PORT_COUNT) << 1) + 1;
    const end = start + this.#halves[start - 1];
    for (let at = start; at < end; at++) {
      if (this.#halves[at] === port) return at - start;
    }
    return -1;
  }

  /** Takes a port out of an entry's list; the order of the others stays. */
  removePort(entry: number, index: number): void {
    const count = this.portCount(entry);
    const record = entry * this.#stride;
    const start = ((record + PORT_COUNT) << 1) + 1;
    this.#halves.copyWithin(start + index, start + index + 1, start + count);
    this.#halves[start - 1] = count - 1;
    let filter = 0;
    for (let i = 0; i < count - 1; i++) filter |= 1 << this.portAt(entry, i);
    this.#words[record + PORT_FILTER] = filter;
    for (let i = index; i < count - 1; i++) {
      this.#setAnswered(entry, i, this.isAnswered(entry, i + 1));
    }
    this.#setAnswered(entry, count - 1, false);
  }

  /** Whether the port at an index of an entry's list has answered. */
  isAnswered(entry: number, index: number): boolean {
    const at = entry * this.#stride + this.#answered + (index >>> 5);
    return (this.#words[at] & (1 << index)) !== 0;
  }

  /** Remembers that the port at an index of an entry's list has answered. */
  markAnswered(entry: number, index: number): void {
    this.#setAnswered(entry, index, true);
  }

  #setAnswered(entry: number, index: number, value: boolean): void {
    const at = entry * this.#stride + this.#answered + (index >>> 5);
    const bit = 1 << index;
    if (value) this.#words[at] |= bit;
    else this.#words[at] &= ~bit;
  }

  /**
   * Takes flags into an entry of which not all are known.
   *
   * @param always Flags that were certainly set.
   * @param ever Flags that may have been set.
   */
  mergeKnownFlags(entry: number, always: number, ever: number): void {
    const at = entry * this.#stride + FLAGS;
    this.#words[at] = (this.#words[at] | ever) & ~((~always & 0xff) << 8);
  }

  /** No type of service and no time to live is to be told of an entry. */
  forgetHeader(entry: number): void {
    this.#words[entry * this.#stride + DIFFERENCES] |= HEADER_FIELDS;
  }

  /** Whether a segment goes where the entry's first packet went. */
  isFirstDestination(entry: number, segment: Segment): boolean {
    const at = entry * this.#stride;
    if (this.#words[at + DESTINATION3] !== segment.destination3) return false;
    if (segment.version === 4) return true;
    return (this.#changesIpv6(entry, segment) & CHANGED_DESTINATION) === 0;
  }

  /** Or of all counted packets' flags. */
  flagsEver(entry: number): number {
    return this.#words[entry * this.#stride + FLAGS] & 0xff;
  }

  /** And of all counted packets' flags. */
  flagsAlways(entry: number): number {
    return (this.#words[entry * this.#stride + FLAGS] >>> 8) & 0xff;
  }

  /** {@linkcode SEEN}, {@linkcode ANSWERED} or {@linkcode VERIFIED}. */
  standing(entry: number): number {
    return (this.#words[entry * this.#stride + FLAGS] >>> STANDING_SHIFT) & 3;
  }

  /** Raises an entry's standing. */
  raiseStanding(entry: number, standing: number): void {
    if (standing <= this.standing(entry)) return;
    const at = entry * this.#stride + FLAGS;
    this.#words[at] = (this.#words[at] & ~(3 << STANDING_SHIFT)) |
      (standing << STANDING_SHIFT);
  }

  /** The protocol of an entry's probes. */
  protocol(entry: number): Protocol {
    const flags = this.#words[entry * this.#stride + FLAGS];
    return PROTOCOLS[(flags >>> PROTOCOL_SHIFT) & 3];
  }

  /** Sets the protocol of an entry's probes; until then it is TCP. */
  setProtocol(entry: number, protocol: Protocol): void {
    const at = entry * this.#stride + FLAGS;
    this.#words[at] = (this.#words[at] & ~(3 << PROTOCOL_SHIFT)) |
      (PROTOCOLS.indexOf(protocol) << PROTOCOL_SHIFT);
  }

  /** Whether another source sent one of an entry's probes, too. */
  isShared(entry: number): boolean {
    return (this.#words[entry * this.#stride + FLAGS] & IS_SHARED) !== 0;
  }

  /** Remembers that another source sent one of an entry's probes, too. */
  markShared(entry: number): void {
    this.#words[entry * this.#stride + FLAGS] |= IS_SHARED;
  }

  /** Where an entry's scan is followed, or -1. */
  place(entry: number): number {
    return (this.#words[entry * this.#stride + FLAGS] >>> PLACE_SHIFT) - 1;
  }

  /** Remembers where an entry's scan is followed; -1: nowhere. */
  setPlace(entry: number, place: number): void {
    const at = entry * this.#stride + FLAGS;
    this.#words[at] = (this.#words[at] & ((1 << PLACE_SHIFT) - 1)) |
      ((place + 1) << PLACE_SHIFT);
  }

  // How a scan is described.

  /** Writes what is remembered of an entry's first packet into a segment. */
  copyFirst(entry: number, segment: Segment): void {
    const words = this.#words;
    const at = entry * this.#stride;
    const ipv6 = at + this.#ipv6;
    const isIpv6 = (words[at + FLAGS] & IS_IPV6) !== 0;
    segment.version = isIpv6 ? 6 : 4;
    segment.source0 = isIpv6 ? words[ipv6 + SOURCE] : 0;
    segment.source1 = isIpv6 ? words[ipv6 + SOURCE + 1] : 0;
    segment.source2 = isIpv6 ? words[ipv6 + SOURCE + 2] : MAPPED;
    segment.source3 = isIpv6 ? words[ipv6 + SOURCE + 3] : this.keys[entry];
    segment.destination0 = isIpv6 ? words[ipv6 + DESTINATION] : 0;
    segment.destination1 = isIpv6 ? words[ipv6 + DESTINATION + 1] : 0;
    segment.destination2 = isIpv6 ? words[ipv6 + DESTINATION + 2] : MAPPED;
    segment.destination3 = words[at + DESTINATION3];
    segment.sourcePort = words[at + FIXED] >>> 16;
    segment.tos = (words[at + FIXED] >>> 8) & 0xff;
    segment.ttl = words[at + FIXED] & 0xff;
    segment.flags = words[at + FLAGS] & 0xff;
    segment.time = this.times[entry];
    segment.wallTime = this.#doubles[(at + FIRST_SEEN) >> 1];
  }

  /** What was not the same in all of an entry's packets. */
  changes(entry: number): Changes {
    const at = entry * this.#stride;
    const flags = this.#words[at + FLAGS];
    const differences = this.#words[at + DIFFERENCES];
    const source = (flags & CHANGED_SOURCE) !== 0;
    return {
      source,
      destination: (flags & CHANGED_DESTINATION) !== 0,
      // Another address is another host, whatever port it uses.
      sourcePort: source || (differences >>> 16) !== 0,
      tos: (differences & 0xff00) !== 0,
      ttl: (differences & 0xff) !== 0,
    };
  }

  /** Takes in what another table's entry of the same source holds but ports. */
  absorb(entry: number, other: SourceTable, otherEntry: number): void {
    const words = this.#words;
    const at = entry * this.#stride;
    const from = otherEntry * other.#stride;
    const changes = CHANGED_DESTINATION | CHANGED_SOURCE;
    this.mergeKnownFlags(
      entry,
      other.flagsAlways(otherEntry),
      other.flagsEver(otherEntry),
    );
    words[at + FLAGS] |= other.#words[from + FLAGS] & changes;
    words[at + DIFFERENCES] |= other.#words[from + DIFFERENCES];
    this.setProtocol(entry, other.protocol(otherEntry));
    this.raiseStanding(entry, other.standing(otherEntry));
  }
}

function fixedOf({ sourcePort, tos, ttl }: Segment): number {
  return (sourcePort << 16) | (tos << 8) | ttl;
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
