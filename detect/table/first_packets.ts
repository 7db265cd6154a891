/**
 * What a record says of a source's packets: the first one, and what later ones
 * changed.
 *
 * @module
 */

import { isIpv4Mapped } from "../packet/address.ts";
import type { Segment } from "../packet/segment.ts";
import { BucketTable } from "./buckets.ts";

// These constants are not exported: V8 folds a module's own constants, but loads
// and checks exported ones at each use.

const MAPPED = 0xffff; // IPV4_MAPPED

// The first words of a record.
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

// Words that stand elsewhere, only used if the first packet was IPv6.
/** The other words of the first packet's destination address. */
const DESTINATION = 0;
/** Source address of the first packet, unmasked: four words. */
const SOURCE = 3;
/** How many there are. */
export const IPV6_WORDS = 7;

// The upper half of FLAGS.
const CHANGED_DESTINATION = 1 << 16;
const CHANGED_SOURCE = 1 << 17;
/** The first packet was IPv6. */
const IS_IPV6 = 1 << 18;

/** The type of service and the time to live, in FIXED and DIFFERENCES. */
const HEADER_FIELDS = 0xffff;

// Words of a summary: those of a record from DESTINATION3 on.
const SUMMARY_FLAGS = 1;
const SUMMARY_FIXED = 2;
const SUMMARY_DIFFERENCES = 3;
/** How many there are. */
export const SUMMARY_WORDS = 4;
/** The bits of FLAGS for what was always set. */
const ALWAYS = 0xff00;

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

/** Where the words of a table's records stand. */
export interface RecordLayout {
  /** Words of all records together, an even number. */
  readonly words: number;
  /** From a record to the next. */
  readonly stride: number;
  /** Where the first record's words for IPv6 stand. */
  readonly ipv6: number;
  /** From these to the next record's. */
  readonly ipv6Stride: number;
}

/** A table whose records begin with what is known of a source's packets. */
export abstract class FirstPacketTable extends BucketTable {
  /** The words of all records. */
  protected readonly words: Int32Array;
  /** The same memory, for times. */
  protected readonly doubles: Float64Array;
  readonly #stride: number;
  readonly #ipv6: number;
  readonly #ipv6Stride: number;

  constructor(
    capacity: number,
    random: () => number,
    layout: RecordLayout,
  ) {
    super(capacity, random);
    this.words = new Int32Array(layout.words);
    this.doubles = new Float64Array(this.words.buffer);
    this.#stride = layout.stride;
    this.#ipv6 = layout.ipv6;
    this.#ipv6Stride = layout.ipv6Stride;
  }

  /** The memory of the table, in bytes. */
  get byteLength(): number {
    return this.tags.byteLength + this.keys.byteLength +
      this.prefixes.byteLength + this.words.byteLength;
  }

  /** Writes what is remembered of a source's first packet. */
  protected openFirst(entry: number, segment: Segment): void {
    const { words } = this;
    const at = entry * this.#stride;
    const { flags } = segment;
    this.doubles[(at + FIRST_SEEN) >> 1] = segment.wallTime;
    words[at + DESTINATION3] = segment.destination3;
    words[at + FLAGS] = (flags << 8) | flags;
    words[at + FIXED] = fixedOf(segment);
    words[at + DIFFERENCES] = 0;
    if (segment.version !== 4) this.#openIpv6(entry, segment);
  }

  #openIpv6(entry: number, segment: Segment): void {
    const { words } = this;
    const at = this.#ipv6 + entry * this.#ipv6Stride;
    words[entry * this.#stride + FLAGS] |= IS_IPV6;
    words[at + DESTINATION] = segment.destination0;
    words[at + DESTINATION + 1] = segment.destination1;
    words[at + DESTINATION + 2] = segment.destination2;
    words[at + SOURCE] = segment.source0;
    words[at + SOURCE + 1] = segment.source1;
    words[at + SOURCE + 2] = segment.source2;
    words[at + SOURCE + 3] = segment.source3;
  }

  /** Takes a further packet's flags into an entry. */
  mergeFlags(entry: number, flags: number): void {
    this.mergeKnownFlags(entry, flags, flags);
  }

  /**
   * Takes flags into an entry of which not all are known.
   *
   * @param always Flags that were certainly set.
   * @param ever Flags that may have been set.
   */
  mergeKnownFlags(entry: number, always: number, ever: number): void {
    const at = entry * this.#stride + FLAGS;
    this.words[at] = (this.words[at] | ever) & ~((~always & 0xff) << 8);
  }

  /** Takes into an entry what differs from its first packet. */
  mergeChanges(entry: number, segment: Segment): void {
    const { words } = this;
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

  /** Compares the words that {@linkcode FirstPacketTable.mergeChanges} does not. */
  #changesIpv6(entry: number, segment: Segment): number {
    const { words } = this;
    const isIpv6 = (words[entry * this.#stride + FLAGS] & IS_IPV6) !== 0;
    const at = this.#ipv6 + entry * this.#ipv6Stride;
    // The same source may send IPv4 and IPv6, so both families may meet here.
    const isSameDestination = isIpv6
      ? words[at + 2] === segment.destination2 &&
        words[at + 1] === segment.destination1 &&
        words[at] === segment.destination0
      : isIpv4Mapped(
        segment.destination0,
        segment.destination1,
        segment.destination2,
      );
    // No prefix of an IPv4 source counts: its key is its address.
    const isSameSource = isIpv6
      ? words[at + SOURCE + 3] === segment.source3 &&
        words[at + SOURCE + 2] === segment.source2 &&
        words[at + SOURCE + 1] === segment.source1 &&
        words[at + SOURCE] === segment.source0
      : isIpv4Mapped(segment.source0, segment.source1, segment.source2);
    return (isSameDestination ? 0 : CHANGED_DESTINATION) |
      (isSameSource ? 0 : CHANGED_SOURCE);
  }

  /** No type of service and no time to live is to be told of an entry. */
  forgetHeader(entry: number): void {
    this.words[entry * this.#stride + DIFFERENCES] |= HEADER_FIELDS;
  }

  // How a scan is described.

  /** Or of all counted packets' flags. */
  flagsEver(entry: number): number {
    return this.words[entry * this.#stride + FLAGS] & 0xff;
  }

  /** And of all counted packets' flags. */
  flagsAlways(entry: number): number {
    return (this.words[entry * this.#stride + FLAGS] >>> 8) & 0xff;
  }

  /** Writes what is remembered of an entry's first packet into a segment. */
  copyFirst(entry: number, segment: Segment): void {
    const { words } = this;
    const at = entry * this.#stride;
    const ipv6 = this.#ipv6 + entry * this.#ipv6Stride;
    const isIpv6 = (words[at + FLAGS] & IS_IPV6) !== 0;
    segment.version = isIpv6 ? 6 : 4;
    segment.source0 = isIpv6 ? words[ipv6 + SOURCE] : 0;
    segment.source1 = isIpv6 ? words[ipv6 + SOURCE + 1] : 0;
    segment.source2 = isIpv6 ? words[ipv6 + SOURCE + 2] : MAPPED;
    segment.source3 = isIpv6 ? words[ipv6 + SOURCE + 3] : this.lastWord(entry);
    segment.destination0 = isIpv6 ? words[ipv6 + DESTINATION] : 0;
    segment.destination1 = isIpv6 ? words[ipv6 + DESTINATION + 1] : 0;
    segment.destination2 = isIpv6 ? words[ipv6 + DESTINATION + 2] : MAPPED;
    segment.destination3 = words[at + DESTINATION3];
    setFixed(segment, words[at + FIXED]);
    segment.wallTime = this.firstSeen(entry);
  }

  /** What was not the same in all of an entry's packets. */
  changes(entry: number): Changes {
    const at = entry * this.#stride;
    return changesOf(this.words[at + FLAGS], this.words[at + DIFFERENCES]);
  }

  // Several runs of packets as one.

  /** The first packet's wall time, in milliseconds. */
  protected firstSeen(entry: number): number {
    return this.doubles[(entry * this.#stride + FIRST_SEEN) >> 1];
  }

  /**
   * Adds what is known of an entry to a summary of earlier runs, of which each has
   * merged what is different in the first packet of the next.
   *
   * @param isFirst There is none yet.
   */
  protected summarize(
    entry: number,
    summary: Int32Array,
    at: number,
    isFirst: boolean,
  ): void {
    const { words } = this;
    const from = entry * this.#stride;
    if (isFirst) {
      for (let i = 0; i < SUMMARY_WORDS; i++) {
        summary[at + i] = words[from + DESTINATION3 + i];
      }
      return;
    }
    const flags = words[from + FLAGS];
    const earlier = summary[at + SUMMARY_FLAGS];
    summary[at + SUMMARY_FLAGS] = ((earlier | flags) & ~ALWAYS) |
      (earlier & flags & ALWAYS);
    summary[at + SUMMARY_DIFFERENCES] |= words[from + DIFFERENCES];
  }

  /** Puts a summary's first packet in the place of an entry's own. */
  protected copySummary(summary: Int32Array, segment: Segment): void {
    if (segment.version === 4) segment.destination3 = summary[0];
    setFixed(segment, summary[SUMMARY_FIXED]);
  }

  /** Flags that were always set (`>>> 8`), and flags that were ever set. */
  protected flagsOfSummary(summary: Int32Array): number {
    return summary[SUMMARY_FLAGS] & 0xffff;
  }

  /** What was not the same in all packets of a summary. */
  protected changesOfSummary(summary: Int32Array): Changes {
    return changesOf(summary[SUMMARY_FLAGS], summary[SUMMARY_DIFFERENCES]);
  }
}

function changesOf(flags: number, differences: number): Changes {
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

function fixedOf({ sourcePort, tos, ttl }: Segment): number {
  return (sourcePort << 16) | (tos << 8) | ttl;
}

function setFixed(segment: Segment, fixed: number): void {
  segment.sourcePort = fixed >>> 16;
  segment.tos = (fixed >>> 8) & 0xff;
  segment.ttl = fixed & 0xff;
}
